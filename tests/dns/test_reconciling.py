"""All wanted records compared with whole zones: what differs is told, then mended."""

import time
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client

from dns import publishing
from dns.models import Record
from dns.tasks import records_reconcile
from tests.fleet.world import World
from wopr.common.errors import ProviderError

pytestmark = pytest.mark.django_db
OWNER = "instance:0123"
NAME = "alice-co.bots.localhost"


@pytest.fixture(autouse=True)
def platform(settings: Any) -> None:
    settings.WOPR_EDGE_IPV4 = "203.0.113.10"
    settings.WOPR_EDGE_IPV6 = ""
    settings.WOPR_BASE_NAMES = []


def wanted(name: str = NAME, content: str = "203.0.113.10", owner: str = OWNER) -> Record:
    return publishing.record_declare(owner=owner, name=name, type="A", content=content)


def told(*options: str) -> str:
    output = StringIO()
    call_command("dns_reconcile", *options, stdout=output)
    return output.getvalue()


def test_nothing_differs_where_everything_is_as_wanted(world: World) -> None:
    wanted()
    told()
    assert told() == "Nothing differs.\n"


def test_a_dry_run_tells_the_plan_and_changes_nothing(world: World, settings: Any) -> None:
    settings.WOPR_BASE_NAMES = ["wopr.localhost"]
    wanted()

    plan = told("--dry-run").splitlines()

    assert f"create   {NAME} A 203.0.113.10: wanted by {OWNER}" in plan
    assert "create   wopr.localhost A 203.0.113.10: wanted by base:platform" in plan
    assert plan[-1] == "2 to create. Nothing was changed."
    assert world.records(NAME) == []
    assert not Record.objects.filter(name="wopr.localhost").exists()


def test_the_platforms_own_names_get_their_records_by_ipv4_and_ipv6(
    world: World, settings: Any
) -> None:
    settings.WOPR_EDGE_IPV6 = "2001:db8::10"
    settings.WOPR_BASE_NAMES = ["edge.bots.localhost", "api.bots.localhost"]

    told()

    for name in settings.WOPR_BASE_NAMES:
        found = {(r["type"], r["content"], r["proxied"]) for r in world.records(name)}
        assert found == {("A", "203.0.113.10", False), ("AAAA", "2001:db8::10", False)}


def test_a_name_that_the_platform_has_no_more_loses_its_records(
    world: World, settings: Any
) -> None:
    settings.WOPR_BASE_NAMES = ["edge.bots.localhost"]
    told()
    settings.WOPR_BASE_NAMES = []

    assert "delete   edge.bots.localhost A 203.0.113.10: wanted no more" in told()
    assert world.records("edge.bots.localhost") == []


def test_a_name_outside_all_zones_is_named_and_the_rest_is_done(
    world: World, settings: Any
) -> None:
    settings.WOPR_BASE_NAMES = ["elsewhere.example", "edge.bots.localhost"]

    with pytest.raises(CommandError, match=r"elsewhere\.example lies in no zone"):
        told()

    assert len(world.records("edge.bots.localhost")) == 1


def test_a_zone_that_is_mistyped_for_a_moment_costs_the_platforms_names_nothing(
    world: World, settings: Any
) -> None:
    settings.WOPR_BASE_NAMES = ["edge.bots.localhost"]
    told()
    settings.CLOUDFLARE_ZONE = "localhost.example"
    settings.CLOUDFLARE_MORE_ZONES = []

    with pytest.raises(CommandError):
        told()

    assert len(world.records("edge.bots.localhost")) == 1
    assert not Record.objects.filter(state=Record.State.WITHDRAWN).exists()


def test_a_proxied_record_is_repaired_where_it_is(world: World) -> None:
    wanted()
    told()
    [before] = world.records(NAME)
    world.record_change(before["id"], proxied=True)

    assert f"update   {NAME} A 203.0.113.10: it is proxied" in told()

    [after] = world.records(NAME)
    assert (after["id"], after["proxied"], after["ttl"]) == (before["id"], False, 60)


def test_content_and_time_to_live_that_somebody_changed_are_put_right(world: World) -> None:
    record = wanted()
    told()
    [remote] = world.records(NAME)
    world.record_change(remote["id"], ttl=300, content="198.51.100.7")

    assert "its time to live is 300, not 60, it says 198.51.100.7" in told()
    assert publishing.record_observe(record)


def test_a_record_that_somebody_deleted_comes_back(world: World) -> None:
    wanted()
    told()
    [remote] = world.records(NAME)
    world.cloudflare.delete(f"dns_records/{remote['id']}").raise_for_status()

    records_reconcile()

    assert [r["content"] for r in world.records(NAME)] == ["203.0.113.10"]


def test_a_foreign_record_is_a_conflict_that_staff_see_and_nobody_touches(
    world: World, staff_client: Client
) -> None:
    record = wanted()
    foreign = world.record_add(name=NAME, type="A", content="198.51.100.7", comment="by hand")
    before = world.records(NAME)

    assert f"conflict {NAME} A 203.0.113.10: somebody else's A record says 198.51.100.7" in told()

    assert world.records(NAME) == before
    record.refresh_from_db()
    assert record.state == Record.State.CONFLICT
    page = staff_client.get(f"/admin/dns/record/{record.pk}/change/").content.decode()
    assert "that WOPR did not make" in page
    assert "198.51.100.7" in page

    world.cloudflare.delete(f"dns_records/{foreign}").raise_for_status()
    told()
    record.refresh_from_db()
    assert (record.state, record.note) == (Record.State.PUBLISHED, "")


@pytest.mark.parametrize("comment", ["", "Anna made this"])
def test_a_record_that_says_the_same_already_is_adopted(world: World, comment: str) -> None:
    identical = world.record_add(name=NAME, type="A", content="203.0.113.10", comment=comment)
    wanted()

    assert "adopt " in told()

    [remote] = world.records(NAME)
    assert (remote["id"], remote["comment"]) == (identical, f"{settings.WOPR_DEPLOYMENT} {OWNER}")


def test_a_record_of_another_installation_is_never_adopted(world: World) -> None:
    theirs = "another-deployment instance:0123"
    world.record_add(name=NAME, type="A", content="203.0.113.10", comment=theirs)
    wanted()

    assert "conflict" in told()
    assert world.records(NAME)[0]["comment"] == theirs


def test_a_record_with_our_mark_that_no_row_owns_is_told_and_left(world: World) -> None:
    mark = f"{settings.WOPR_DEPLOYMENT} instance:gone"
    world.record_add(name="old.bots.localhost", type="A", content="203.0.113.10", comment=mark)

    assert "strange  old.bots.localhost A 203.0.113.10: no row owns it" in told()
    assert len(world.records("old.bots.localhost")) == 1


def test_a_foreign_alias_in_the_way_of_an_address_is_a_conflict(world: World) -> None:
    record = wanted()
    world.record_add(name=NAME, type="CNAME", content="elsewhere.example", comment="by hand")

    assert f"conflict {NAME} A 203.0.113.10: somebody else's CNAME record says" in told()

    record.refresh_from_db()
    assert record.state == Record.State.CONFLICT
    assert "elsewhere.example" in record.note
    assert [r["type"] for r in world.records(NAME)] == ["CNAME"]


def test_a_foreign_address_beside_ours_is_told_and_left(world: World) -> None:
    wanted()
    told()
    world.record_add(name=NAME, type="A", content="198.51.100.7", comment="by hand")

    assert f"strange  {NAME} A 198.51.100.7: somebody else's record stands beside ours" in told()
    assert len(world.records(NAME)) == 2


def test_a_withdrawn_record_that_is_still_there_is_deleted(world: World) -> None:
    record = wanted()
    told()
    Record.objects.filter(pk=record.pk).update(state=Record.State.WITHDRAWN)

    told()

    assert world.records(NAME) == []


def test_a_text_record_is_published_and_seen_as_it_was_meant(world: World) -> None:
    text = "v=spf1 -all; " + "x" * 200
    publishing.record_declare(owner="base:mail", name=NAME, type="TXT", content=text)
    told()

    assert world.records(NAME)[0]["content"] == f'"{text}"'
    assert told() == "Nothing differs.\n"


def test_a_new_address_of_the_edge_moves_every_bot(world: World, settings: Any) -> None:
    publishing.addresses_declare(owner=OWNER, name=NAME)
    told()
    settings.WOPR_EDGE_IPV4, settings.WOPR_EDGE_IPV6 = "203.0.113.11", "2001:db8::11"

    told()

    assert {r["content"] for r in world.records(NAME)} == {"203.0.113.11", "2001:db8::11"}


def test_an_ipv6_address_that_the_edge_has_no_more_is_taken_from_every_bot(
    world: World, settings: Any
) -> None:
    settings.WOPR_EDGE_IPV6 = "2001:db8::10"
    publishing.addresses_declare(owner=OWNER, name=NAME)
    told()
    settings.WOPR_EDGE_IPV6 = ""

    told()

    assert {r["type"] for r in world.records(NAME)} == {"A"}


def test_a_thousand_records_are_read_in_two_calls(world: World) -> None:
    for number in range(1001):
        world.record_add(name=f"n{number}.bots.localhost", type="A", content="203.0.113.10")
    before = len(world.vendors.requests("cloudflare", path="*/dns_records", method="GET"))

    told("--dry-run")

    asked = world.vendors.requests("cloudflare", path="*/dns_records", method="GET")[before:]
    ours = [request for request in asked if settings.CLOUDFLARE_ZONE in zone_of(world, request)]
    assert len(ours) == 2


def zone_of(world: World, request: Any) -> str:
    zones = world.cloudflare.get(f"{settings.CLOUDFLARE_API_URL}/zones").json()["result"]
    return str(next(zone["name"] for zone in zones if zone["id"] in request["path"]))


def test_a_provider_that_asks_for_patience_gets_it(world: World) -> None:
    wanted()
    for method, path in (("GET", "*/dns_records"), ("POST", "*/dns_records")):
        world.vendors.add_fault(
            "cloudflare", "status", method=method, path=path, status=429, retry_after=1
        )
    began = time.monotonic()

    told()

    assert time.monotonic() - began >= 2
    assert len(world.records(NAME)) == 1


def test_one_record_that_fails_does_not_keep_the_others_waiting(world: World) -> None:
    wanted("a.bots.localhost")
    wanted("b.bots.localhost")
    world.vendors.add_fault("cloudflare", "status", method="POST", path="*/dns_records", status=500)

    with pytest.raises(CommandError, match="Cloudflare answered 500"):
        told()

    assert len(world.records("a.bots.localhost") + world.records("b.bots.localhost")) == 1


def test_a_zone_that_cannot_be_read_ends_the_run_without_a_change(world: World) -> None:
    wanted()
    world.vendors.add_fault("cloudflare", "drop", method="GET", path="*/dns_records", times=None)

    with pytest.raises(CommandError, match="Cloudflare did not answer"):
        told()
    records_reconcile()  # by schedule it says so in the log and comes again

    world.vendors.clear()
    assert world.records(NAME) == []


def test_a_record_outside_all_zones_is_refused() -> None:
    with pytest.raises(ProviderError, match="lies in no zone") as refusal:
        wanted("elsewhere.example")
    assert refusal.value.permanent
