"""A worker killed at any point of an update, or of the way back, leaves one bot on one release."""

import signal

import pytest

from fleet import updates
from fleet.models import Backup, Instance, Node, Operation, Release
from fleet.operations.updating import UPDATE
from tenants.models import Tenant
from tests.fleet.releasing import Registry, answering_version, registry, told
from tests.fleet.world import ONE_OF_EACH, World, run_bot
from tests.flows.mortal import LOOKING, Moment, worker
from tests.flows.test_killed_worker import finished, same_database

__all__ = ["registry", "same_database"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

STEPS = [step.name for step in UPDATE.steps]
# The route is there before and after: the step finds nothing to do.
IDLE = ("publish_route",)
AT_ROWS = ("switch_release",)
ACTING = [step for step in STEPS if step not in (*LOOKING, *IDLE, *AT_ROWS)]
DOING = [
    Moment(step, point, kind="update")
    for step in STEPS
    for point in ("after", "recorded")  # a death before a step is one after the step before it
    if step not in IDLE or point == "recorded"
]
DOING += [Moment(step, "during", kind="update") for step in ACTING]
UNDOING = [
    Moment("switch_release", point, undoing=True, kind="update")
    for point in ("before", "during", "after", "recorded")
]


@pytest.fixture
def bot(tenant: Tenant, node: Node, world: World, registry: Registry) -> Instance:
    return run_bot(tenant, node)


def assert_runs(bot: Instance, world: World, release: Release | None, version: str) -> None:
    assert release is not None
    bot.refresh_from_db()
    inspected = world.inspected(bot)
    assert world.counted(bot) == ONE_OF_EACH
    assert inspected["State"]["Running"]
    assert not inspected["State"]["Paused"]
    assert inspected["Config"]["Image"] == release.digest
    assert inspected["Id"] == bot.container_id
    assert bot.release == release
    assert bot.status == Instance.Status.RUNNING
    assert world.routes(bot.hostname) == [bot.upstream]
    assert answering_version(bot) == version


@pytest.mark.parametrize("moment", DOING, ids=str)
def test_a_worker_killed_while_updating_ends_with_the_new_release(
    moment: Moment, bot: Instance, world: World, registry: Registry
) -> None:
    earlier, newer = bot.release, registry.push("1.1.0")
    operation = updates.open_update(instance=bot, release=newer, cause="test")
    assert worker(operation.pk, moment) == -signal.SIGKILL
    operation.refresh_from_db()
    assert operation.is_live

    finished(operation)

    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    assert_runs(bot, world, newer, "1.1.0")
    assert bot.previous_release == earlier
    assert Backup.objects.filter(instance=bot, taken_at__isnull=False).count() == 1


@pytest.mark.parametrize("moment", UNDOING, ids=str)
def test_a_worker_killed_on_the_way_back_ends_with_the_earlier_release(
    moment: Moment, bot: Instance, world: World, registry: Registry
) -> None:
    earlier, broken = bot.release, registry.push("1.2.0", healthy=False)
    operation = updates.open_update(instance=bot, release=broken, cause="test")
    assert worker(operation.pk, moment) == -signal.SIGKILL
    operation.refresh_from_db()
    assert operation.is_live

    finished(operation)

    assert operation.state == Operation.State.FAILED, told(operation)
    assert not operation.leaks.exists()
    assert_runs(bot, world, earlier, "1.0.0")
    assert bot.previous_release is None
    broken.refresh_from_db()
    assert broken.state == Release.State.BAD
