"""A worker killed at any point of a restore, clone, rename or the end leaves one truth."""

import signal

import pytest

from billing.models import Plan
from fleet import services
from fleet.models import Backup, Instance, Node, Operation
from fleet.operations import ledger
from fleet.operations.backing_up import RESTORE
from fleet.operations.base import Kind
from fleet.operations.lifecycle import RENAME
from fleet.operations.termination import TERMINATE
from tenants.models import Tenant
from tests.fleet.lives import DATA, data_of, done, living_bot, told, visit, write
from tests.fleet.world import NOTHING_OUTSIDE, ONE_OF_EACH, World, inside
from tests.flows.mortal import Moment, worker
from tests.flows.test_killed_worker import finished, same_database

__all__ = ["same_database"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
LATER = {"memory.sqlite": (b"other pages", 0o600, 1000), "new.txt": (b"not yet", 0o644, 1000)}
# A bot cannot start on this; what runs already does not notice. SQLite would mend it by its log.
RUINED = {
    "wopr.sqlite": (b"not a database" * 100, 0o600, 1000),
    "wopr.sqlite-wal": (b"", 0o600, 1000),
}
MEND = """
import pathlib
for file in pathlib.Path("/data").glob("wopr.sqlite*"):
    file.unlink()
"""


def moments(kind: Kind[Instance], *, during: tuple[str, ...]) -> list[Moment]:
    """At the end of each step, and twice more in those that change most outside."""
    boundaries = [Moment(step.name, "recorded", kind=kind.name) for step in kind.steps]
    inside = [Moment(name, at, kind=kind.name) for name in during for at in ("during", "after")]
    return boundaries + inside


@pytest.fixture
def bot(tenant: Tenant, node: Node, plan: Plan, world: World) -> Instance:
    bot = living_bot(tenant, node, plan, bots=2)
    write(world, bot, DATA)
    return bot


@pytest.fixture
def backup(bot: Instance) -> Backup:
    done(services.instance_back_up(instance=bot, cause="test"))
    return bot.backups.get()


def dies(operation: Operation, moment: Moment) -> None:
    assert worker(operation.pk, moment) == -signal.SIGKILL
    operation.refresh_from_db()
    assert operation.is_live


def assert_runs(world: World, bot: Instance) -> None:
    bot.refresh_from_db()
    counted = world.counted(bot)
    assert {**ONE_OF_EACH, "documents": counted["documents"], "mails": counted["mails"]} == counted
    inspected = world.inspected(bot)
    assert inspected["State"]["Running"]
    assert not inspected["State"]["Paused"]
    assert world.routes(bot.hostname) == [bot.upstream]
    assert bot.status == "running"
    assert visit(bot).json()["name"] == "wopr"


@pytest.mark.parametrize(
    "moment", moments(RESTORE, during=("prove_backup", "fill_data", "recreate")), ids=str
)
def test_a_worker_killed_while_restoring_ends_with_the_backups_data(
    moment: Moment, bot: Instance, backup: Backup, world: World
) -> None:
    write(world, bot, LATER)
    operation = services.instance_restore(instance=bot, backup=backup, cause="test")
    dies(operation, moment)

    finished(operation)

    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    assert_runs(world, bot)
    assert data_of(world, bot) == DATA
    assert "./new.txt" in operation.backup.manifest


@pytest.mark.parametrize(
    "moment",
    [
        Moment(step, point, undoing=True, kind="restore")
        for step in ("fill_data", "stop_container")
        for point in ("before", "during", "after", "recorded")
    ],
    ids=str,
)
def test_a_worker_killed_while_undoing_a_restore_ends_with_the_data_from_before(
    moment: Moment, bot: Instance, world: World
) -> None:
    write(world, bot, RUINED)
    done(services.instance_back_up(instance=bot, cause="test"))
    inside(world, world.inspected(bot), MEND)
    write(world, bot, LATER)
    ruined = bot.backups.get()
    operation = services.instance_restore(instance=bot, backup=ruined, cause="test")
    dies(operation, moment)

    finished(operation)

    assert operation.state == Operation.State.FAILED, told(operation)
    assert not operation.leaks.exists()
    assert_runs(world, bot)
    assert data_of(world, bot) == DATA | LATER


# Its other steps are those of a provision, at which a worker is killed as well.
@pytest.mark.parametrize(
    "moment",
    [
        Moment(step, point, kind="clone")
        for step, point in (
            ("find_backup", "recorded"),
            ("fill_data", "during"),
            ("fill_data", "after"),
            ("fill_data", "recorded"),
            ("start_container", "after"),
        )
    ],
    ids=str,
)
def test_a_worker_killed_while_cloning_ends_with_two_bots_of_equal_data(
    moment: Moment, bot: Instance, backup: Backup, world: World
) -> None:
    operation = services.instance_clone(instance=bot, backup=backup, cause="test")
    dies(operation, moment)

    finished(operation)

    copy = Instance.objects.get(pk=operation.subject_id)
    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    assert_runs(world, copy)
    assert_runs(world, bot)
    assert data_of(world, copy) == data_of(world, bot) == DATA


@pytest.mark.parametrize(
    "moment", moments(RENAME, during=("publish_record", "remove_old_record")), ids=str
)
def test_a_worker_killed_while_renaming_ends_with_the_new_name_alone(
    moment: Moment, bot: Instance, world: World
) -> None:
    old = bot.hostname
    operation = services.instance_rename(instance=bot, slug="helper", cause="test")
    dies(operation, moment)

    finished(operation)

    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    assert_runs(world, bot)
    assert bot.slug == "helper"
    assert world.routes(old) == world.records(old) == []


@pytest.mark.parametrize(
    "moment",
    moments(TERMINATE, during=("prove_backup", "remove_container", "remove_volume")),
    ids=str,
)
def test_a_worker_killed_while_ending_a_bot_leaves_a_proven_backup_and_nothing_else(
    moment: Moment, bot: Instance, world: World
) -> None:
    operation = ledger.operation_open(
        kind="terminate", subject=bot, tenant=bot.tenant, cause="test"
    )
    dies(operation, moment)

    finished(operation)

    bot.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    assert bot.status == "terminated"
    assert NOTHING_OUTSIDE.items() <= world.counted(bot).items()
    [kept] = bot.backups.filter(proven_at__isnull=False)
    assert "./memory.sqlite-wal" in kept.manifest
    receipts = [mail for mail in world.mails(bot) if "deleted" in mail["subject"].lower()]
    assert len({mail["message_id"] for mail in receipts}) <= 1
