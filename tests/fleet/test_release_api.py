"""Owners and staff choose: when a bot is updated, now or back, and which rollouts go on."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from billing.models import Entitlement, Plan
from fleet.models import Instance, Operation, Release, Rollout, RolloutMember, TenantPin
from tenants.models import Membership, User
from tests.admin.pages import change_page, press, text_of
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def first(instance: Instance) -> Release:
    return release(instance, "a", state="good")


@pytest.fixture
def bot(instance: Instance, first: Release, plan: Plan) -> Instance:
    """A bot that is paid for and runs the first release."""
    Entitlement.objects.create(tenant=instance.tenant, plan=plan, status="active", bots=1)
    instance.release, instance.status = first, Instance.Status.RUNNING
    instance.save()
    return instance


@pytest.fixture
def second(bot: Instance) -> Release:
    return release(bot, "b", state="good")


def release(instance: Instance, letter: str, *, state: str) -> Release:
    return Release.objects.create(
        image=instance.image, digest=f"bot@sha256:{letter * 64}", state=state
    )


def updates_of(bot: Instance) -> str:
    return f"/api/v1/instances/{bot.pk}/updates"


def act(bot: Instance, what: str) -> str:
    return f"/api/v1/instances/{bot.pk}/{what}"


def test_an_owner_sees_what_runs_and_what_is_out(
    api: APIClient, bot: Instance, first: Release, second: Release
) -> None:
    shown = api.get(updates_of(bot)).json()

    assert shown["running"]["digest"] == first.digest
    assert shown["available"]["digest"] == second.digest
    assert shown["earlier"] is None
    assert (shown["policy"], shown["hour"], shown["time_zone"]) == ("automatic", 3, "UTC")


@pytest.mark.parametrize("state", ["candidate", "bad", "canary"])
def test_what_no_canary_has_passed_is_not_offered(
    api: APIClient, bot: Instance, state: str
) -> None:
    new = release(bot, "c", state=state)
    if state == "canary":
        Rollout.objects.create(release=new, image=new.image, state="canary")

    assert api.get(updates_of(bot)).json()["available"] is None
    refusal = api.post(act(bot, "update"))
    assert (refusal.status_code, refusal.json()["code"]) == (409, "up_to_date")


def test_what_the_canaries_have_passed_can_be_had_before_ones_turn(
    api: APIClient, bot: Instance
) -> None:
    new = release(bot, "c", state="canary")
    Rollout.objects.create(release=new, image=new.image, state="rolling")

    operation = api.post(act(bot, "update")).json()

    assert (operation["kind"], operation["state"]) == ("update", "queued")
    opened = Operation.objects.get(pk=operation["id"])
    assert opened.parameters["release"] == str(new.pk)
    assert opened.cause.startswith("user: ")


def test_an_owner_takes_the_bot_back(
    api: APIClient, bot: Instance, first: Release, second: Release
) -> None:
    Instance.objects.filter(pk=bot.pk).update(release=second, previous_release=first)

    operation = api.post(act(bot, "roll-back")).json()

    assert operation["title"] == "Go back to the earlier release"
    assert Operation.objects.get(pk=operation["id"]).parameters["release"] == str(first.pk)


def test_two_at_once_are_refused(api: APIClient, bot: Instance, second: Release) -> None:
    assert api.post(act(bot, "update")).status_code == 202

    refusal = api.post(act(bot, "update"))

    assert (refusal.status_code, refusal.json()["code"]) == (409, "operation_live")


def test_an_owner_chooses_the_hour(api: APIClient, bot: Instance) -> None:
    wish = {"policy": "nightly", "hour": 4, "time_zone": "Asia/Tokyo"}

    assert api.put(updates_of(bot), wish).status_code == 200

    bot.refresh_from_db()
    assert (bot.updates, bot.update_hour, bot.time_zone) == ("nightly", 4, "Asia/Tokyo")


@pytest.mark.parametrize(
    ("field", "value"),
    [("hour", 24), ("hour", -1), ("time_zone", "Mars/Olympus"), ("policy", "never")],
)
def test_a_wish_that_makes_no_sense_is_refused_beside_its_field(
    api: APIClient, bot: Instance, field: str, value: Any
) -> None:
    wish = {"policy": "nightly", "hour": 4, "time_zone": "UTC", field: value}

    refusal = api.put(updates_of(bot), wish)

    assert refusal.status_code == 400
    assert list(refusal.json()["fields"]) == [field]


def test_who_only_pays_does_not_update(bot: Instance, second: Release, charlie: User) -> None:
    Membership.objects.create(tenant=bot.tenant, user=charlie, role=Membership.Role.BILLING)

    assert signed_in(charlie).post(act(bot, "update")).status_code == 403


def test_staff_pin_a_bot_with_a_reason_and_the_owner_reads_it(
    staff_client: Client, api: APIClient, bot: Instance
) -> None:
    press(staff_client, bot, "pin", note="a fair")
    assert api.get(updates_of(bot)).json()["pinned_because"] == "a fair"

    press(staff_client, bot, "unpin")
    assert api.get(updates_of(bot)).json()["pinned_because"] == ""


def test_staff_update_a_bot_and_the_page_says_so(
    staff_client: Client, bot: Instance, second: Release
) -> None:
    page = press(staff_client, bot, "update_now").content.decode()

    assert "is being updated" in page
    assert Operation.objects.get().cause.startswith("staff: ")


def test_staff_pause_and_continue_a_rollout(
    staff_client: Client, bot: Instance, second: Release
) -> None:
    rollout = Rollout.objects.create(release=second, image=second.image)
    RolloutMember.objects.create(rollout=rollout, instance=bot, wave=0)
    assert bot.slug in text_of(staff_client, change_page(rollout))

    press(staff_client, rollout, "pause", note="a holiday")
    rollout.refresh_from_db()
    assert (rollout.state, rollout.reason) == ("paused", "staff@example.com: a holiday")

    press(staff_client, rollout, "go_on")
    rollout.refresh_from_db()
    assert (rollout.state, rollout.reason) == ("canary", "")


def test_staff_pin_a_tenant_and_take_the_pin_away(staff_client: Client, bot: Instance) -> None:
    pin = TenantPin.objects.create(tenant=bot.tenant, reason="a fair", pinned_by="x")
    assert "a fair" in text_of(staff_client, change_page(pin))

    press(staff_client, pin, "unpin_tenant")

    assert not TenantPin.objects.exists()


def test_staff_give_a_bad_release_another_chance(staff_client: Client, bot: Instance) -> None:
    bad = release(bot, "c", state="bad")

    press(staff_client, bad, "reconsider")

    bad.refresh_from_db()
    assert bad.state == "candidate"


def test_the_first_page_counts_what_was_halted_and_what_crashes(
    staff_client: Client, bot: Instance, second: Release
) -> None:
    Rollout.objects.create(release=second, image=second.image, state="halted", reason="x")

    assert "a release made a bot worse" in text_of(staff_client, "/admin/")


def test_an_owner_sees_on_the_bot_that_it_ends_again_and_again(
    api: APIClient, bot: Instance
) -> None:
    Instance.objects.filter(pk=bot.pk).update(crashing_since=timezone.now(), exit_code=137)

    shown = api.get(f"/api/v1/instances/{bot.pk}").json()

    assert shown["crashing_since"] is not None
    assert shown["exit_code"] == 137
