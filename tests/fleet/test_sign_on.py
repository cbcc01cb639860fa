"""A bot's single sign-on: made with it, told of in its letter, gone with it, never in its way."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.utils import timezone

from billing.models import Plan
from fleet.models import Instance, Node, Operation
from fleet.operations import ledger, runner
from fleet.services import instance_rename
from tenants import deletions, sign_on
from tenants.models import Deletion, Membership, Message, Tenant, User
from tests.fleet.lives import done, living_bot
from tests.fleet.toys import ran, row
from tests.fleet.world import NOTHING_OUTSIDE, World, run_bot
from wopr.tasks import leavers_erase

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[[], Operation]


def ended(bot: Instance) -> Operation:
    operation = ledger.operation_open(
        kind="terminate", subject=bot, tenant=bot.tenant, cause="test"
    )
    runner.run(operation.pk)
    operation.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED, operation.error
    return operation


def test_members_may_open_the_bot_and_nobody_else(
    tenant: Tenant, node: Node, bob: User, charlie: User, world: World
) -> None:
    bot = run_bot(tenant, node)

    [door] = world.doors(bot)
    assert door["launch_url"] == bot.url
    assert world.people(bot) == ["alice@example.com", "bob@example.com"]
    bindings = world.authentik.get("policies/bindings/", params={"target": door["pk"]}).json()
    assert [b["group_obj"]["name"] for b in bindings["results"]] == [sign_on.group_name(tenant.pk)]


def test_the_letter_leads_to_a_password_by_a_link_that_is_kept_nowhere(
    tenant: Tenant, node: Node, world: World
) -> None:
    bot = run_bot(tenant, node)

    [mail] = world.mails(bot)
    link = re.search(r"http://\S+flow_token=\w+", mail["text"])
    assert link
    assert link[0] in mail["html"]
    kept = Message.objects.get(kind="welcome")
    assert "flow_token" not in kept.text + kept.html

    assert httpx.post(link[0], data={"password": "chosen by Alice"}).status_code == 200
    assert httpx.post(link[0], data={"password": "chosen by another"}).status_code == 404


def test_nothing_is_left_of_it_when_the_bot_ends(tenant: Tenant, node: Node, world: World) -> None:
    bot = run_bot(tenant, node)

    operation = ended(bot)

    assert NOTHING_OUTSIDE.items() <= world.counted(bot).items()
    assert world.people(bot) == []
    assert world.authentik.get("core/users/").json()["results"] == []
    assert row(operation, "remove_door").facts == {"gone": "single sign-on application of alice-co"}


def test_people_stay_as_long_as_the_tenant_has_another_bot(
    tenant: Tenant, node: Node, world: World
) -> None:
    bot, other = run_bot(tenant, node), run_bot(tenant, node, slug="second")

    ended(bot)
    assert world.doors(bot) == []
    assert len(world.doors(other)) == 1
    assert world.people(other) == ["alice@example.com"]

    ended(other)
    assert world.people(other) == []


def test_somebody_whom_authentik_knew_before_is_let_in_and_never_deleted(
    tenant: Tenant, node: Node, world: World
) -> None:
    known = {"username": "alice", "email": "alice@example.com", "name": "Alice"}
    world.authentik.post("core/users/", json=known).raise_for_status()
    bot = run_bot(tenant, node)

    assert world.people(bot) == ["alice@example.com"]
    assert "flow_token" not in world.mails(bot)[0]["text"]
    ended(bot)
    [left] = world.authentik.get("core/users/").json()["results"]
    assert (left["username"], left["groups"]) == ("alice", [])


def test_a_renamed_bot_is_opened_under_its_new_name(
    tenant: Tenant, node: Node, plan: Plan, world: World
) -> None:
    bot = living_bot(tenant, node, plan)

    done(instance_rename(instance=bot, slug="helper", cause="test"))

    bot.refresh_from_db()
    assert bot.url.startswith("https://helper.")
    [door] = world.doors(bot)
    assert door["launch_url"] == bot.url
    query = {"client_id": door["slug"]}
    [provider] = world.authentik.get("providers/oauth2/", params=query).json()["results"]
    assert provider["redirect_uris"][0]["url"] == f"{bot.url}oauth2/callback"


def test_without_authentik_the_step_says_so_and_the_bot_runs(
    provision: Open, instance: Instance, world: World, settings: Any
) -> None:
    settings.AUTHENTIK_URL = settings.AUTHENTIK_API_TOKEN = ""
    operation = ran(provision())

    assert operation.state == Operation.State.SUCCEEDED
    assert list(row(operation, "open_door").facts) == ["not configured"]
    assert world.doors(instance) == []
    assert "single sign-on" not in world.mails(instance)[0]["text"]
    ended(instance)


def test_an_authentik_that_refuses_takes_no_bot_away(
    provision: Open, instance: Instance, world: World
) -> None:
    world.vendors.add_fault("authentik", "status", status=403, path="/api/v3/*", times=None)
    operation = ran(provision())

    instance.refresh_from_db()
    assert instance.status == Instance.Status.RUNNING
    assert operation.state == Operation.State.SUCCEEDED
    assert "AUTHENTIK_API_TOKEN" in row(operation, "admit_people").message
    assert len(world.mails(instance)) == 1


def test_a_bot_is_not_called_gone_while_its_application_may_be_there(
    tenant: Tenant, node: Node, world: World
) -> None:
    bot = run_bot(tenant, node)
    world.vendors.add_fault(
        "authentik", "status", status=503, path="/api/v3/core/applications/*", times=None
    )
    operation = ledger.operation_open(kind="terminate", subject=bot, tenant=tenant, cause="test")
    runner.run(operation.pk)

    operation.refresh_from_db()
    bot.refresh_from_db()
    assert operation.is_live
    assert bot.status != Instance.Status.TERMINATED
    assert "503" in row(operation, "remove_door").message


def test_whoever_leaves_the_tenant_is_let_in_no_more(
    tenant: Tenant, node: Node, bob: User, charlie: User, world: World
) -> None:
    bot = run_bot(tenant, node)
    Membership.objects.filter(tenant=tenant, user=bob).delete()
    Membership.objects.create(tenant=tenant, user=charlie, role=Membership.Role.ADMIN)

    assert sign_on.groups_reconcile() == 2
    assert world.people(bot) == ["alice@example.com", "charlie@example.com"]
    assert sign_on.groups_reconcile() == 0


def known_at_authentik(world: World) -> dict[str, str]:
    """Everybody's user name there, and address."""
    found = world.authentik.get("core/users/").json()["results"]
    return {person["username"]: person["email"] for person in found}


def leave(person: User) -> None:
    """Has the account deleted, and the days pass in which that is taken back."""
    deletion = deletions.account_deletion_ask(user=person)
    Deletion.objects.filter(pk=deletion.pk).update(due_at=timezone.now())


def test_who_is_erased_here_is_erased_there_and_nobody_else(
    tenant: Tenant, bob: User, alice: User, world: World
) -> None:
    sign_on.people_ensure(tenant)
    assert sorted(known_at_authentik(world).values()) == ["alice@example.com", "bob@example.com"]

    leave(bob)
    leavers_erase()

    assert known_at_authentik(world) == {sign_on.username_of(alice): "alice@example.com"}
    bob.refresh_from_db()
    assert not bob.is_active


def test_an_account_that_somebody_has_at_authentik_themselves_stays(
    tenant: Tenant, bob: User, world: World
) -> None:
    theirs = {"username": "bob", "email": "bob@example.com", "name": "Bob"}
    world.authentik.post("core/users/", json=theirs).raise_for_status()
    sign_on.people_ensure(tenant)

    leave(bob)
    leavers_erase()

    assert known_at_authentik(world)["bob"] == "bob@example.com"


def test_nobody_is_called_erased_while_authentik_does_not_answer(
    tenant: Tenant, bob: User, world: World
) -> None:
    sign_on.people_ensure(tenant)
    leave(bob)
    world.vendors.add_fault("authentik", "status", status=503, path="/api/v3/*", times=None)
    leavers_erase()
    assert Deletion.objects.open().exists()
    bob.refresh_from_db()
    assert bob.email == "bob@example.com"

    world.vendors.clear()
    leavers_erase()
    leavers_erase()

    assert list(known_at_authentik(world).values()) == ["alice@example.com"]
    assert not Deletion.objects.open().exists()


def test_without_authentik_an_account_is_erased_all_the_same(
    tenant: Tenant, bob: User, world: World, settings: Any
) -> None:
    settings.AUTHENTIK_URL = settings.AUTHENTIK_API_TOKEN = ""
    leave(bob)
    leavers_erase()
    assert not Deletion.objects.open().exists()
