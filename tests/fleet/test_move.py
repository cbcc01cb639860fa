"""A bot goes to another machine with all it has; if it cannot, it stays where it was."""

from typing import Any

import docker
import pytest

from fleet import drift, nodes, placement
from fleet.gateways import bot as gateway
from fleet.models import Instance, Node, Operation
from fleet.operations.moving import MOVE
from sandbox.stack.engines import OtherMachine
from tenants.models import Tenant
from tests.fleet.lives import worked
from tests.fleet.world import World, inside, run_bot
from wopr.common.errors import ProviderError, Refused

pytestmark = pytest.mark.django_db(transaction=True)

LEAVE_SOMETHING = """
import os, pathlib
p = pathlib.Path('/data/notes/deep'); p.mkdir(parents=True)
(p / 'plan.txt').write_text('shall we play a game?'); os.chmod(p / 'plan.txt', 0o640)
os.symlink('plan.txt', p / 'link')
"""
READ_IT = """
import os; p = '/data/notes/deep/'
s = os.stat(p + 'plan.txt')
print(open(p + 'link').read(), oct(s.st_mode)[-3:], s.st_uid, s.st_gid)
"""


@pytest.fixture
def bot(tenant: Tenant, node: Node, far: Node, world: World) -> Instance:
    bot = run_bot(tenant, node)
    inside(world, world.inspected(bot), LEAVE_SOMETHING)
    return bot


def there_of(there: docker.APIClient, bot: Instance) -> dict[str, list[Any]]:
    mine = {"label": f"wopr.instance={bot.pk}"}
    return {
        "containers": there.containers(all=True, filters=mine),
        "volumes": there.volumes(filters=mine)["Volumes"] or [],
    }


def read_there(machine: OtherMachine, bot: Instance, program: str) -> str:
    client = machine.engine.client()
    code, output = client.containers.get(bot.container_name).exec_run(["python3", "-c", program])
    client.close()
    assert code == 0, output
    return str(output.decode().strip())


def test_a_bot_moves_with_its_data_and_leaves_nothing_behind(
    bot: Instance, far: Node, there: docker.APIClient, machine: OtherMachine, world: World
) -> None:
    assert bot.release
    operation = worked(nodes.instance_move(instance=bot, target=far, cause="test"))

    assert operation.state == Operation.State.SUCCEEDED, operation.error
    assert not operation.steps.exclude(state="done").exists()
    bot.refresh_from_db()
    assert (bot.node, bot.moving_to, bot.moving_port) == (far, None, None)
    assert world.containers(bot) == world.volumes(bot) == []
    inspected = there.inspect_container(bot.container_name)
    assert inspected["Config"]["Image"] == bot.release.digest
    assert inspected["State"]["Running"]
    assert inspected["Id"] == bot.container_id
    assert world.routes(bot.hostname) == [f"{far.address}:{bot.host_port}"]
    assert gateway.knows_token(bot.hostname, bot.daemon_token)
    assert read_there(machine, bot, READ_IT) == "shall we play a game? 640 1000 1000"
    assert drift.node_compare(node_id=far.pk)
    assert not bot.drifts.exists()


@pytest.mark.parametrize("status", ["stopped", "suspended"])
def test_a_bot_that_rests_is_moved_without_waking_it(
    status: str, bot: Instance, far: Node, there: docker.APIClient, world: World
) -> None:
    world.engine.api.stop(bot.container_name)
    Instance.objects.filter(pk=bot.pk).update(status=status)

    operation = worked(nodes.instance_move(instance=bot, target=far, cause="test"))

    assert operation.state == Operation.State.SUCCEEDED, operation.error
    bot.refresh_from_db()
    assert (bot.status, bot.node) == (status, far)
    inspected = there.inspect_container(bot.container_name)
    assert inspected["State"]["Status"] == "created"
    assert inspected["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert world.containers(bot) == world.volumes(bot) == []


def test_a_move_that_fails_leaves_the_bot_running_where_it_was(
    bot: Instance, far: Node, there: docker.APIClient, world: World
) -> None:
    """Somebody's container has the bot's name at the new place, so it is left alone."""
    assert bot.release
    there.pull(*bot.release.digest.split("@"))
    there.create_container(bot.release.digest, name=bot.container_name)

    operation = worked(nodes.instance_move(instance=bot, target=far, cause="test"))

    assert operation.state == Operation.State.FAILED
    assert "was not made for this instance" in operation.error
    bot.refresh_from_db()
    assert (bot.status, bot.moving_to, bot.moving_port) == ("running", None, None)
    assert world.inspected(bot)["State"]["Running"]
    assert inside(world, world.inspected(bot), READ_IT) == "shall we play a game? 640 1000 1000"
    assert gateway.knows_token(bot.hostname, bot.daemon_token)
    assert len(there.containers(all=True)) == 1
    assert there_of(there, bot)["volumes"] == []
    there.remove_container(bot.container_name)


def test_a_bot_that_is_not_seen_under_its_name_from_there_goes_back(
    bot: Instance, far: Node, there: docker.APIClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    knows, verify = gateway.knows_token, MOVE.step("verify_public")
    monkeypatch.setattr(verify, "deadline", -1.0)
    monkeypatch.setattr(verify, "patience", 0.1)
    monkeypatch.setattr(
        gateway,
        "knows_token",
        lambda name, token: world.routes(name) == [bot.upstream] and knows(name, token),
    )

    operation = worked(nodes.instance_move(instance=bot, target=far, cause="test"))

    assert operation.state == Operation.State.FAILED
    home = bot.upstream
    bot.refresh_from_db()
    assert (bot.upstream, bot.moving_to) == (home, None)
    assert world.routes(bot.hostname) == [home]
    assert gateway.knows_token(bot.hostname, bot.daemon_token)
    assert inside(world, world.inspected(bot), READ_IT).startswith("shall we play a game?")
    assert there_of(there, bot) == {"containers": [], "volumes": []}


def test_room_is_kept_on_both_machines_until_the_move_is_over(bot: Instance, far: Node) -> None:
    operation = nodes.instance_move(instance=bot, target=far, cause="test")

    assert placement.spare_mb(bot.node) == bot.node.memory_mb - 256
    assert placement.spare_mb(far) == far.memory_mb - 256
    worked(operation)
    bot.refresh_from_db()
    assert placement.spare_mb(Node.objects.get(name="local")) == 8192
    assert placement.spare_mb(far) == far.memory_mb - 256


def test_a_port_that_another_program_has_there_is_passed_over(
    bot: Instance, far: Node, there: docker.APIClient, world: World
) -> None:
    operation = nodes.instance_move(instance=bot, target=far, cause="test")
    bot.refresh_from_db()
    assert bot.release
    taken = bot.moving_port
    there.pull(*bot.release.digest.split("@"))
    bound = there.create_host_config(port_bindings={7437: (far.address, taken)})
    there.create_container(bot.release.digest, name="taker", host_config=bound, ports=[7437])
    there.start("taker")

    worked(operation)

    bot.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED, operation.error
    assert bot.host_port != taken
    assert world.routes(bot.hostname) == [f"{far.address}:{bot.host_port}"]


@pytest.mark.parametrize("status", ["starting", "failed", "terminated"])
def test_what_has_nothing_to_move_is_refused(status: str, instance: Instance, far: Node) -> None:
    Instance.objects.filter(pk=instance.pk).update(status=status)

    with pytest.raises(Refused, match=status):
        nodes.instance_move(instance=instance, target=far, cause="test")
    instance.refresh_from_db()
    assert instance.moving_to is None


def test_a_machine_without_room_or_in_maintenance_takes_nothing(
    instance: Instance, far: Node
) -> None:
    Instance.objects.filter(pk=instance.pk).update(status="running")
    Node.objects.filter(pk=far.pk).update(memory_mb=255)
    with pytest.raises(ProviderError, match="far has no 256 MB"):
        nodes.instance_move(instance=instance, target=far, cause="test")

    Node.objects.filter(pk=far.pk).update(memory_mb=8192, maintenance_because="new disks")
    with pytest.raises(ProviderError, match="in maintenance"):
        nodes.instance_move(instance=instance, target=far, cause="test")
