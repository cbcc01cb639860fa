"""Updating on real parts: the new digest runs, or the earlier one does again; both inspected."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from billing.models import Plan
from fleet import turns, updates
from fleet.engines.registry import engine
from fleet.models import Backup, Instance, Node, Operation, Release
from fleet.operations import ledger
from fleet.operations.steps.recreating import WaitHealthyAgain
from fleet.operations.steps.updates import Replace, VerifyReady
from tenants.models import Message, Tenant, User
from tenants.services import tenant_create
from tests.fleet.lives import DATA, data_of, done, pay, write
from tests.fleet.releasing import (
    Registry,
    add_provider,
    answering_version,
    ended,
    registry,
    told,
    updated,
)
from tests.fleet.world import World, run_bot
from wopr.common.errors import Refused

__all__ = ["registry"]
BROKEN = [{"healthy": False}, {"fault": "crashing"}]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bot(tenant: Tenant, node: Node, world: World, registry: Registry) -> Instance:
    return run_bot(tenant, node)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken release is given up after seconds instead of minutes."""
    for step in (WaitHealthyAgain, VerifyReady, Replace):
        monkeypatch.setattr(step, "deadline", 0.0)
        monkeypatch.setattr(step, "patience", 8.0)


def running_digest(world: World, bot: Instance) -> str:
    inspected = world.inspected(bot)
    assert inspected["State"]["Running"]
    image = world.engine.api.inspect_image(inspected["Image"])
    assert inspected["Config"]["Image"] in image["RepoDigests"]
    return str(inspected["Config"]["Image"])


def test_an_update_runs_the_new_digest_and_keeps_the_data(
    bot: Instance, world: World, registry: Registry
) -> None:
    add_provider(bot, "kept")
    earlier = bot.release
    newer = registry.push("1.1.0")

    operation = updated(bot, newer)

    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    bot.refresh_from_db()
    assert running_digest(world, bot) == newer.digest != earlier.digest
    assert (bot.release, bot.previous_release) == (newer, earlier)
    assert answering_version(bot) == "1.1.0"
    assert bot.provider_ready is True
    assert Backup.objects.get(operation=operation).reason == "update"
    assert Backup.objects.get(operation=operation).taken_at


def test_what_a_bot_had_before_an_update_can_be_had_back(
    bot: Instance, world: World, registry: Registry, plan: Plan, api: APIClient
) -> None:
    pay(bot.tenant, plan)
    write(world, bot, DATA)
    updated(bot, registry.push("1.1.0"))
    bot.refresh_from_db()
    write(world, bot, {"memory.sqlite": (b"made worse by it", 0o600, 1000)})
    [listed] = api.get(f"/api/v1/instances/{bot.pk}/backups").json()

    answer = api.post(f"/api/v1/instances/{bot.pk}/restore", {"backup": listed["id"]})

    assert (listed["reason"], answer.status_code) == ("update", 202), answer.json()
    done(Operation.objects.get(pk=answer.json()["id"]))
    assert data_of(world, bot) == DATA


@pytest.mark.parametrize(
    "fault", [{"healthy": False}, {"fault": "crashing"}], ids=["sick", "crashing"]
)
def test_a_broken_release_is_taken_back_and_the_earlier_digest_runs(
    bot: Instance, world: World, registry: Registry, fault: dict[str, Any]
) -> None:
    add_provider(bot, "kept")
    earlier, broken = bot.release, registry.push("1.2.0", **fault)

    operation = updated(bot, broken)

    assert operation.state == Operation.State.FAILED
    assert not operation.leaks.exists(), told(operation)
    bot.refresh_from_db()
    assert running_digest(world, bot) == earlier.digest
    assert (bot.release, bot.previous_release) == (earlier, None)
    assert bot.status == Instance.Status.RUNNING
    assert answering_version(bot) == "1.0.0"
    assert bot.provider_ready is True
    assert world.routes(bot.hostname) == [bot.upstream]
    broken.refresh_from_db()
    assert broken.state == Release.State.BAD
    assert broken.reason.startswith("alice-co: ")
    assert Message.objects.values_list("kind", flat=True).get() == "welcome"


def test_a_release_that_loses_the_provider_is_taken_back(
    bot: Instance, world: World, registry: Registry
) -> None:
    add_provider(bot, "kept")
    earlier, forgetful = bot.release, registry.push("1.3.0", fault="forgetful")

    operation = updated(bot, forgetful)

    assert operation.error.startswith("verify_ready: the bot was ready before, and is not now")
    assert running_digest(world, bot) == earlier.digest


def test_a_bot_that_was_down_already_gets_its_earlier_container_back_and_blames_nobody(
    bot: Instance, world: World, registry: Registry
) -> None:
    earlier, broken = bot.release, registry.push("1.2.0", healthy=False)
    sick = registry.push("1.0.1", healthy=False)
    Instance.objects.filter(pk=bot.pk).update(release=sick)
    bot.refresh_from_db()
    world.engine.api.stop(bot.container_name)

    operation = updated(bot, broken)

    assert operation.state == Operation.State.FAILED
    assert not operation.leaks.exists(), told(operation)
    assert running_digest(world, bot) == sick.digest != earlier.digest
    broken.refresh_from_db()
    assert broken.state == Release.State.CANDIDATE


def test_a_bot_without_a_provider_is_not_asked_to_have_one_afterwards(
    bot: Instance, world: World, registry: Registry
) -> None:
    forgetful = registry.push("1.3.0", fault="forgetful")

    assert updated(bot, forgetful).state == Operation.State.SUCCEEDED
    assert running_digest(world, bot) == forgetful.digest


def test_the_digest_asked_for_runs_though_the_tag_has_moved_on(
    bot: Instance, world: World, registry: Registry
) -> None:
    wanted, newest = registry.push("1.1.0"), registry.push("1.4.0")
    engine(bot.node).remove_image(wanted.digest)

    operation = updated(bot, wanted)

    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    assert running_digest(world, bot) == wanted.digest
    assert operation.steps.get(name="fetch_release").facts == {
        "digest": wanted.digest,
        "moving_tag": newest.digest,
    }


def test_an_update_that_cannot_back_up_touches_nothing(
    bot: Instance, world: World, registry: Registry, settings: Any
) -> None:
    newer, container = registry.push("1.1.0"), world.inspected(bot)["Id"]
    settings.WOPR_BACKUP_REPOSITORY = "/proc/nowhere"
    operation = updates.open_update(instance=bot, release=newer, cause="test")

    assert ended(operation).state == Operation.State.FAILED
    assert world.inspected(bot)["Id"] == container
    newer.refresh_from_db()
    assert newer.state == Release.State.CANDIDATE


def test_a_new_bot_is_not_made_from_a_release_that_is_known_to_be_bad(
    bot: Instance, world: World, registry: Registry, alice: User
) -> None:
    Release.objects.filter(pk=bot.release_id).update(state=Release.State.GOOD)
    broken = registry.push("1.2.0", healthy=False)
    Release.objects.filter(pk=broken.pk).update(state=Release.State.BAD)

    new = run_bot(tenant_create(owner=alice, slug="new-co", name="New"), bot.node)

    assert running_digest(world, new) == bot.release.digest


def test_a_bot_goes_back_to_what_it_ran_before(
    bot: Instance, world: World, registry: Registry
) -> None:
    earlier, newer = bot.release, registry.push("1.1.0")
    updated(bot, newer)
    bot.refresh_from_db()

    operation = ended(updates.open_roll_back(instance=bot, cause="test"))

    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    bot.refresh_from_db()
    assert running_digest(world, bot) == earlier.digest
    assert (bot.release, bot.previous_release) == (earlier, newer)


def test_a_way_back_does_not_need_the_registry(
    bot: Instance, world: World, registry: Registry
) -> None:
    earlier = bot.release
    updated(bot, registry.push("1.1.0"))
    Instance.objects.filter(pk=bot.pk).update(image="127.0.0.1:1/wopr:latest")
    bot.refresh_from_db()

    assert ended(updates.open_roll_back(instance=bot, cause="test")).state == "succeeded"
    assert running_digest(world, bot) == earlier.digest


Change = Callable[[Instance, Release], Any]


def bad(_: Instance, release: Release) -> None:
    Release.objects.filter(pk=release.pk).update(state=Release.State.BAD)


def stopped(bot: Instance, _: Release) -> None:
    Instance.objects.filter(pk=bot.pk).update(status=Instance.Status.STOPPED)


def there_already(bot: Instance, release: Release) -> None:
    Instance.objects.filter(pk=bot.pk).update(release=release)


def busy(bot: Instance, _: Release) -> None:
    ledger.operation_open(kind="resize", subject=bot, tenant=bot.tenant, cause="test")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (bad, "release_bad"),
        (stopped, "bot_not_running"),
        (there_already, "release_runs_already"),
        (busy, "operation_live"),
    ],
)
def test_an_update_that_makes_no_sense_is_refused(
    instance: Instance, change: Change, code: str
) -> None:
    release = Release.objects.create(image=instance.image, digest="bot@sha256:" + "b" * 64)
    instance.status = Instance.Status.RUNNING
    instance.save()
    change(instance, release)

    with pytest.raises(Refused) as refusal:
        updates.open_update(instance=instance, release=release, cause="test")

    assert (refusal.value.code, refusal.value.status) == (code, 409)


def test_a_bot_that_was_never_updated_cannot_go_back(instance: Instance) -> None:
    Instance.objects.filter(pk=instance.pk).update(status=Instance.Status.RUNNING)

    with pytest.raises(Refused, match="was not updated before"):
        updates.open_roll_back(instance=instance, cause="test")


@pytest.mark.parametrize(
    ("zone", "at", "open_now"),
    [
        ("UTC", "03:00", True),
        ("UTC", "03:59", True),
        ("UTC", "04:00", False),
        ("Asia/Tokyo", "18:30", True),
        ("America/New_York", "03:30", False),
        ("America/New_York", "08:30", True),
    ],
)
def test_the_nightly_window_is_the_hour_in_the_bots_time_zone(
    zone: str, at: str, open_now: bool
) -> None:
    hour, minute = (int(part) for part in at.split(":"))
    now = datetime(2027, 1, 10, hour, minute, tzinfo=UTC)
    nightly = Instance(updates=Instance.Updates.NIGHTLY, update_hour=3, time_zone=zone)

    assert turns.may_begin(nightly, now) is open_now
