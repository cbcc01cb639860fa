"""Backups that are made without anybody asking, kept as the plan says, and missed when absent."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.utils import timezone

from billing.models import Entitlement, Plan
from fleet import backups
from fleet.models import Backup, Instance, Node, Operation
from fleet.operations.steps.backups import repository
from fleet.services import instance_back_up
from fleet.tasks import backups_alarm, backups_nightly, backups_prove
from tenants.models import Tenant, User
from tests.fleet.lives import DATA, done, living_bot, pay, worked, write
from tests.fleet.world import World

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def repositories(settings: Any, tmp_path: Path) -> Path:
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path)
    return tmp_path


@pytest.fixture
def bot(tenant: Tenant, node: Node, plan: Plan, world: World) -> Instance:
    bot = living_bot(tenant, node, plan)
    write(world, bot, DATA)
    return bot


@pytest.fixture
def paid(instance: Instance, plan: Plan) -> Instance:
    """A bot of which there are rows only, that has run for a week."""
    pay(instance.tenant, plan)
    Instance.objects.update(status="running", created_at=timezone.now() - 7 * DAY)
    instance.refresh_from_db()
    return instance


def kept(instance: Instance, *, taken: datetime, proven: datetime | None = None) -> Backup:
    """What an earlier backup left in the rows."""
    operation = Operation.objects.create(
        kind="backup",
        subject_kind="instance",
        subject_id=instance.pk,
        tenant=instance.tenant,
        state="succeeded",
        finished_at=taken,
    )
    return Backup.objects.create(
        instance=instance,
        operation=operation,
        reason="nightly",
        snapshot="0" * 64,
        taken_at=taken,
        proven_at=proven or taken,
    )


def test_a_nightly_backup_is_taken_and_proven(bot: Instance, world: World) -> None:
    Instance.objects.update(created_at=timezone.now() - 2 * DAY)

    backups_nightly()
    done(Operation.objects.get(kind="backup"))

    [backup] = bot.backups.all()
    assert (backup.reason, backup.snapshot != "") == ("nightly", True)
    assert backup.proven_at
    assert "./memory.sqlite-wal" in backup.manifest
    backups_nightly()
    assert not Operation.objects.live().exists()


def test_every_bot_has_its_own_minute_of_its_own_night(paid: Instance) -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    paid.time_zone = "Asia/Tokyo"
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    turns = set()
    for number in range(50):
        paid.pk = UUID(int=number * 7919)
        turn = backups.last_turn(paid, now)
        assert now - DAY < turn <= now
        assert 1 <= turn.astimezone(tokyo).hour < 5
        turns.add(turn)
    assert len(turns) == 50


def test_a_night_that_was_missed_is_made_good(paid: Instance) -> None:
    kept(paid, taken=timezone.now() - 3 * DAY)

    [operation] = backups.nightly()

    assert operation.parameters["reason"] == "nightly"


def test_one_that_was_backed_up_tonight_or_is_new_is_left_alone(paid: Instance) -> None:
    kept(paid, taken=timezone.now())
    assert backups.nightly() == []

    Backup.objects.all().delete()
    Instance.objects.update(created_at=timezone.now())
    assert backups.nightly() == []


@pytest.mark.parametrize("status", ["suspended", "starting", "failed", "terminated"])
def test_only_bots_that_live_are_backed_up(paid: Instance, status: str) -> None:
    Instance.objects.update(status=status)
    assert backups.nightly() == []


def test_one_that_failed_is_not_tried_again_at_once(paid: Instance) -> None:
    backups.nightly()
    Operation.objects.update(state="failed", finished_at=timezone.now())
    assert backups.nightly() == []

    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert len(backups.nightly()) == 1


def test_no_more_are_opened_than_workers_should_copy(paid: Instance, settings: Any) -> None:
    settings.WOPR_BACKUPS_AT_ONCE = 0
    assert backups.nightly() == []
    settings.WOPR_BACKUPS_AT_ONCE = 1
    assert len(backups.nightly()) == 1


def test_as_many_are_kept_as_the_plan_says_and_the_others_are_gone(
    bot: Instance, world: World
) -> None:
    Entitlement.objects.update(backups_kept=2)
    for _ in range(3):
        done(instance_back_up(instance=bot, cause="test"))

    first, second, third = bot.backups.order_by("created_at")
    assert first.forgotten_at is not None
    assert second.forgotten_at is third.forgotten_at is None
    assert repository(bot).tags() == {str(second.pk), str(third.pk)}


def test_the_backup_that_was_proven_longest_ago_is_proven_again(
    bot: Instance, world: World
) -> None:
    done(instance_back_up(instance=bot, cause="test"))
    long_ago = timezone.now() - 8 * DAY
    Backup.objects.update(proven_at=long_ago)

    backups_prove()
    done(Operation.objects.get(kind="prove"))

    assert bot.backups.get().proven_at > long_ago + 7 * DAY
    backups_prove()
    assert not Operation.objects.live().exists()


def test_of_many_tenants_the_one_whose_proof_is_oldest_comes_first(
    paid: Instance, charlie: User, node: Node, plan: Plan, settings: Any
) -> None:
    settings.WOPR_BACKUPS_AT_ONCE = 1
    tenants = [paid.tenant, Tenant.objects.get(slug="charlie")]
    pay(tenants[1], plan)
    theirs = Instance.objects.create(
        tenant=tenants[1], slug="charlie", node=node, image="x", status="running",
        host_port=1, memory_mb=256, cpu_millis=500, pids=64, disk_gb=1,
    )  # fmt: skip
    bots = sorted([paid, theirs], key=lambda bot: bot.tenant_id)
    weeks = {bot: timezone.now() - (8 + number) * DAY for number, bot in enumerate(bots)}
    for bot, proven in weeks.items():
        kept(bot, taken=proven)

    [operation] = backups.proofs()

    assert operation.subject_id == bots[-1].pk


def test_a_backup_that_has_rotted_does_not_count_any_more(
    bot: Instance, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.operations.runner.MAX_ATTEMPTS", 2)
    done(instance_back_up(instance=bot, cause="test"))
    backup = bot.backups.get()
    backup.manifest["./memory.sqlite"][4] = "0" * 64
    backup.proven_at = timezone.now() - 8 * DAY
    backup.save()

    backups_prove()
    operation = worked(Operation.objects.get(kind="prove"))

    assert "differs in ./memory.sqlite" in operation.error
    assert bot.backups.get().proven_at is None
    assert not world.engine.api.containers(all=True, filters={"label": "wopr.scratch"})


def test_bots_without_a_backup_of_these_days_are_overdue(paid: Instance) -> None:
    assert list(backups.overdue()) == [paid]

    backup = kept(paid, taken=timezone.now())
    assert list(backups.overdue()) == []

    Backup.objects.filter(pk=backup.pk).update(proven_at=None)
    assert list(backups.overdue()) == [paid], "what was not seen to restore is none"


def test_staff_are_told_of_backups_that_stopped(paid: Instance, world: World) -> None:
    User.objects.create_superuser("staff@example.com", "x" * 20)
    kept(paid, taken=timezone.now() - 5 * DAY)

    backups_alarm()

    [mail] = world.vendors.messages(to="staff@example.com")
    assert "Backups of 1 bots are overdue" in mail["subject"]
    assert paid.slug in mail["text"]


def test_nobody_is_told_of_backups_that_go_on(paid: Instance, world: World) -> None:
    User.objects.create_superuser("staff@example.com", "x" * 20)
    kept(paid, taken=timezone.now())

    backups_alarm()

    assert world.vendors.messages(to="staff@example.com") == []
