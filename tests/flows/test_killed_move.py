"""A worker killed at any point of a move leaves one bot, on one machine, with its data."""

import signal

import docker
import pytest

from fleet import nodes
from fleet.gateways import bot as gateway
from fleet.models import Instance, Node, Operation
from fleet.operations.moving import MOVE
from sandbox.stack.engines import OtherMachine
from tenants.models import Tenant
from tests.fleet.machines import far, machine, there
from tests.fleet.test_move import LEAVE_SOMETHING, READ_IT, read_there, there_of
from tests.fleet.world import World, inside, run_bot
from tests.flows.mortal import LOOKING, Moment, worker
from tests.flows.test_killed_worker import finished, same_database

__all__ = ["far", "machine", "same_database", "there"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

STEPS = [step.name for step in MOVE.steps]
# Nothing is to be done: the data is there, and the machine has the image from a move before.
IDLE = ("insist_on_data", "fetch_image")
AT_ROWS = ("end_move",)
DOING = [
    Moment(step, point, kind="move")
    for step in STEPS
    for point in ("after", "recorded")  # a death before a step is one after the step before it
    if step not in IDLE or point == "recorded"
]
DOING += [
    Moment(step, "during", kind="move") for step in STEPS if step not in (*LOOKING, *IDLE, *AT_ROWS)
]
UNDOING = [
    Moment("stop_there", point, undoing=True, kind="move")
    for point in ("before", "during", "after", "recorded")
]
UNDOING += [
    Moment("copy_data", point, undoing=True, kind="move")
    for point in ("before", "after", "recorded")
]


@pytest.fixture
def bot(tenant: Tenant, node: Node, far: Node, there: docker.APIClient, world: World) -> Instance:
    bot = run_bot(tenant, node)
    assert bot.release
    there.pull(*bot.release.digest.split("@"))
    inside(world, world.inspected(bot), LEAVE_SOMETHING)
    return bot


@pytest.mark.parametrize("moment", DOING, ids=str)
def test_a_worker_killed_while_moving_a_bot_ends_with_it_at_the_new_place(
    moment: Moment,
    bot: Instance,
    far: Node,
    *,
    machine: OtherMachine,
    there: docker.APIClient,
    world: World,
) -> None:
    operation = nodes.instance_move(instance=bot, target=far, cause="test")
    assert worker(operation.pk, moment) == -signal.SIGKILL
    operation.refresh_from_db()
    assert operation.is_live

    finished(operation)

    bot.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED, operation.error
    assert not operation.steps.exclude(state="done").exists()
    assert (bot.node, bot.moving_to, bot.status) == (far, None, "running")
    assert world.containers(bot) == world.volumes(bot) == []
    found = there_of(there, bot)
    assert [len(found["containers"]), len(found["volumes"])] == [1, 1]
    assert world.routes(bot.hostname) == [bot.upstream]
    assert gateway.knows_token(bot.hostname, bot.daemon_token)
    assert read_there(machine, bot, READ_IT) == "shall we play a game? 640 1000 1000"


@pytest.mark.parametrize("moment", UNDOING, ids=str)
def test_a_worker_killed_while_taking_a_move_back_ends_with_the_bot_where_it_was(
    moment: Moment, bot: Instance, far: Node, there: docker.APIClient, world: World
) -> None:
    assert bot.release
    there.create_container(bot.release.digest, name=bot.container_name)  # a stranger's
    operation = nodes.instance_move(instance=bot, target=far, cause="test")
    assert worker(operation.pk, moment) == -signal.SIGKILL

    finished(operation)

    home = bot.upstream
    bot.refresh_from_db()
    assert operation.state == Operation.State.FAILED
    assert not operation.leaks.exists()
    assert (bot.upstream, bot.moving_to, bot.status) == (home, None, "running")
    assert world.inspected(bot)["State"]["Running"]
    assert gateway.knows_token(bot.hostname, bot.daemon_token)
    assert inside(world, world.inspected(bot), READ_IT) == "shall we play a game? 640 1000 1000"
    assert there_of(there, bot) == {"containers": [], "volumes": []}
    there.remove_container(bot.container_name)
