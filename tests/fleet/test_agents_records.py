"""Staff's own DNS records by agents: kept by the reconciliation, and nobody else's touched."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry

from dns import publishing, reconciling
from dns.models import Record
from tests.fleet.agents import Agent, staff
from tests.fleet.world import World

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "mail.bots.localhost"
RIGHTS = ("dns.view_record", "dns.add_record", "dns.change_record", "dns.delete_record")
WANTED = {"name": NAME, "type": "A", "content": "203.0.113.77"}


@pytest.fixture
def agent(world: World) -> Agent:
    return Agent(staff("olga@example.com", *RIGHTS))


def contents(world: World, name: str = NAME) -> list[str]:
    return [record["content"] for record in world.records(name)]


def test_a_record_is_published_unproxied_marked_and_kept(agent: Agent, world: World) -> None:
    made = agent.call("create_dns_record", **WANTED)

    assert (made["state"], made["owner"]) == ("published", f"staff:{NAME}")
    [remote] = world.records(NAME)
    assert (remote["content"], remote["proxied"]) == ("203.0.113.77", False)
    assert remote["comment"] == f"{settings.WOPR_DEPLOYMENT} staff:{NAME}"
    changes, _ = reconciling.reconcile(dry_run=False)
    assert [str(change) for change in changes if change.name == NAME] == []
    assert contents(world) == ["203.0.113.77"]
    assert LogEntry.objects.get(object_id=made["id"]).user == agent.user


def test_text_is_published_as_it_was_written(agent: Agent, world: World) -> None:
    agent.call("create_dns_record", name=NAME, type="TXT", content="v=spf1 -all")
    assert contents(world) == ['"v=spf1 -all"']


def test_a_record_is_changed_in_place(agent: Agent, world: World) -> None:
    made = agent.call("create_dns_record", **WANTED)
    changed = agent.call("update_dns_record", record_id=made["id"], content="203.0.113.78")
    assert (changed["content"], changed["state"]) == ("203.0.113.78", "published")
    assert contents(world) == ["203.0.113.78"]


def test_with_a_plan_a_record_is_deleted_and_stays_away(agent: Agent, world: World) -> None:
    made = agent.call("create_dns_record", **WANTED)
    assert "cannot be undone" in agent.refusal("delete_dns_record", record_id=made["id"])
    assert contents(world) == ["203.0.113.77"]

    plan = agent.call("delete_dns_record", record_id=made["id"], dry_run=True)
    agent.call("delete_dns_record", record_id=made["id"], plan_id=plan["plan_id"])

    reconciling.reconcile(dry_run=False)
    assert world.records(NAME) == []
    assert agent.call("list_dns_records", name_contains=NAME) == []
    assert agent.call("create_dns_record", **WANTED)["state"] == "published"


def test_a_plan_is_stale_once_somebody_changed_the_record_by_hand(
    agent: Agent, world: World
) -> None:
    made = agent.call("create_dns_record", **WANTED)
    plan = agent.call("delete_dns_record", record_id=made["id"], dry_run=True)
    world.record_change(world.records(NAME)[0]["id"], content="203.0.113.99")
    said = agent.refusal("delete_dns_record", record_id=made["id"], plan_id=plan["plan_id"])
    assert "changed meanwhile" in said
    assert contents(world) == ["203.0.113.99"]


def test_somebody_elses_record_is_left_alone_even_if_it_says_the_same(
    agent: Agent, world: World
) -> None:
    foreign = world.record_add(**WANTED, ttl=300, comment="by hand")
    said = agent.refusal("create_dns_record", **WANTED)
    assert "WOPR did not make" in said
    reconciling.reconcile(dry_run=False)
    [remote] = world.records(NAME)
    assert (remote["id"], remote["ttl"], remote["comment"]) == (foreign, 300, "by hand")
    assert not Record.objects.filter(owner__startswith="staff:").exists()


def test_what_the_machine_publishes_is_read_and_not_changed(agent: Agent, world: World) -> None:
    row = publishing.record_declare(
        owner="instance:1", name="alice.bots.localhost", type="A", content="203.0.113.10"
    )
    assert [r["id"] for r in agent.call("list_dns_records", name_contains="alice")] == [str(row.pk)]
    assert agent.call("list_dns_records", name_contains="alice", of_staff=True) == []
    for call in (
        ("update_dns_record", {"content": "203.0.113.66"}),
        ("delete_dns_record", {"dry_run": True}),
    ):
        given: Any = call[1]
        assert "only records that staff made" in agent.refusal(
            call[0], record_id=str(row.pk), **given
        )
    row.refresh_from_db()
    assert (row.content, row.state) == ("203.0.113.10", "wanted")


REFUSED = {
    "a bot's name": ({"name": "alice-co.bots.localhost"}, "is for a bot"),
    "a zone that is not ours": ({"name": "www.example.org"}, "no zone that WOPR may edit"),
    "no name": ({"name": "not a name"}, "no whole host name"),
    "an address of the other kind": ({"content": "2001:db8::1"}, "no content of a A record"),
    "a type that is not kept": ({"type": "MX", "content": "mail.example.org"}, "Use one of"),
    "text with quotes": ({"type": "TXT", "content": 'say "a"'}, "no content of a TXT record"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_and_nothing_is_made(
    agent: Agent, world: World, case: str
) -> None:
    changes, reason = REFUSED[case]
    assert reason in agent.refusal("create_dns_record", **{**WANTED, **changes})
    assert not Record.objects.filter(owner__startswith="staff:").exists()
    assert world.records(NAME) == []


def test_a_second_record_of_the_same_kind_is_refused(agent: Agent, world: World) -> None:
    agent.call("create_dns_record", **WANTED)
    said = agent.refusal("create_dns_record", **{**WANTED, "content": "203.0.113.78"})
    assert "is there already" in said
    assert contents(world) == ["203.0.113.77"]


def test_a_record_that_cloudflare_could_not_take_comes_by_itself(
    agent: Agent, world: World
) -> None:
    world.vendors.add_fault("cloudflare", "status", status=500, method="POST", path="*")
    made = agent.call("create_dns_record", **WANTED)
    assert made["state"] == "wanted"
    assert "500" in made["note"]
    reconciling.reconcile(dry_run=False)
    assert contents(world) == ["203.0.113.77"]
