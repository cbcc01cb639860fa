"""A worker killed at any point of an evacuation leaves one bot, restored, and one letter of it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.utils import timezone

from billing.models import Plan
from fleet import nodes, services
from fleet.gateways import bot as gateway
from fleet.models import Instance, Node, Operation
from fleet.operations.moving import EVACUATE
from sandbox.stack.engines import OtherMachine, wait_until_reached
from tenants.models import Tenant
from tests.fleet.lives import done, living_bot
from tests.fleet.machines import far, machine
from tests.fleet.test_move import LEAVE_SOMETHING, READ_IT
from tests.fleet.world import World, inside
from tests.flows.mortal import Moment, worker
from tests.flows.test_killed_worker import finished, same_database

__all__ = ["far", "machine", "same_database"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

# The bot is to run, so that nothing keeps it stopped at the new place.
STEPS = [step.name for step in EVACUATE.steps if step.name != "bring_down"]
MOMENTS = [Moment(step, "recorded", kind="evacuate") for step in STEPS] + [
    Moment(step, point, kind="evacuate")
    for step in ("fill_data", "switch_place", "tell_recovered")
    for point in ("during", "after")
]


@pytest.fixture
def bot(
    tenant: Tenant, far: Node, node: Node, plan: Plan, *, machine: OtherMachine, world: World
) -> Instance:
    """One on the other machine, with a proven backup; this machine has its image already."""
    bot = living_bot(tenant, far, plan)
    assert bot.release
    world.engine.api.pull(*bot.release.digest.split("@"))
    client = machine.engine.client()
    container = client.containers.get(bot.container_name)
    assert container.exec_run(["python3", "-c", LEAVE_SOMETHING])[0] == 0
    client.close()
    done(services.instance_back_up(instance=bot, cause="test"))
    return bot


@contextmanager
def dead(machine: OtherMachine) -> Iterator[None]:
    """The other machine with its cable pulled; it is there again for whoever cleans up."""
    machine.go_away()
    Node.objects.filter(name="far").update(unreachable_since=timezone.now())
    try:
        yield
    finally:
        machine.come_back()
        wait_until_reached(machine)


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_worker_killed_while_giving_a_machine_up_ends_with_the_bot_on_another(
    moment: Moment, bot: Instance, far: Node, node: Node, *, machine: OtherMachine, world: World
) -> None:
    with dead(machine):
        [place] = nodes.evacuate(node=far, cause="test")
        operation = place.operation
        assert operation, place.reason
        assert worker(operation.pk, moment) == -signal.SIGKILL
        operation.refresh_from_db()
        assert operation.is_live

        finished(operation)

        bot.refresh_from_db()
        assert operation.state == Operation.State.SUCCEEDED, operation.error
        assert (bot.node, bot.moving_to, bot.status) == (node, None, "running")
        assert [len(world.containers(bot)), len(world.volumes(bot))] == [1, 1]
        assert world.routes(bot.hostname) == [bot.upstream]
        assert gateway.knows_token(bot.hostname, bot.daemon_token)
        restored = inside(world, world.inspected(bot), READ_IT)
        assert restored == "shall we play a game? 640 1000 1000"
        letters = [m["message_id"] for m in world.mails(bot) if "was restored" in m["subject"]]
        assert len(set(letters)) == 1
