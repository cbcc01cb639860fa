"""Machines are closed, emptied and given up, and no bot is lost or doubled by it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import docker
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from billing.models import Plan
from fleet import drift, lifecycle, nodes, placement, repairs
from fleet.gateways import bot as gateway
from fleet.models import Backup, Drift, Instance, Node, Operation
from fleet.operations import ledger
from sandbox.stack.engines import OtherMachine, wait_until_reached
from tenants.models import Tenant
from tests.fleet.lives import living_bot, worked
from tests.fleet.test_move import LEAVE_SOMETHING, READ_IT
from tests.fleet.world import World, inside, run_bot
from wopr.common.errors import ProviderError, Refused

pytestmark = pytest.mark.django_db(transaction=True)
Kind = Drift.Kind


def row(tenant: Tenant, node: Node, number: int, **more: object) -> Instance:
    """A bot of which only the row exists."""
    values = {
        "memory_mb": 256,
        "cpu_millis": 500,
        "pids": 64,
        "disk_gb": 1,
        "status": "running",
        "image": "x",
        **more,
    }
    return Instance.objects.create(
        tenant=tenant, slug=f"bot-{number}", node=node, host_port=41000 + number, **values
    )


def test_of_fifty_moves_that_race_for_one_slot_one_gets_it(
    tenant: Tenant, node: Node, far: Node
) -> None:
    bots = [row(tenant, node, number) for number in range(50)]
    Node.objects.filter(pk=far.pk).update(memory_mb=256)

    def move(bot: Instance) -> object:
        try:
            return nodes.instance_move(instance=bot, target=None, cause="test")
        except ProviderError as error:
            return str(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=50) as threads:
        outcomes = list(threads.map(move, bots))

    assert len([outcome for outcome in outcomes if isinstance(outcome, Operation)]) == 1
    far.refresh_from_db()
    assert placement.spare_mb(far) == 0
    assert Instance.objects.filter(moving_to=far).count() == Operation.objects.count() == 1


def test_a_bot_that_moves_takes_no_port_that_another_has_there(
    tenant: Tenant, node: Node, far: Node
) -> None:
    moves = [
        nodes.instance_move(instance=row(tenant, node, number), target=far, cause="test")
        for number in range(3)
    ]

    assert len(moves) == 3
    taken = Instance.objects.values_list("moving_port", flat=True)
    assert len(set(taken)) == 3


@pytest.mark.parametrize(
    "closed",
    [{"accepts_instances": False}, {"maintenance_because": "disks"}, {"unreachable_since": "now"}],
    ids=lambda change: next(iter(change)),
)
def test_nothing_is_placed_on_a_machine_that_is_closed_by_whatever(
    closed: dict[str, object], node: Node
) -> None:
    closed = {key: timezone.now() if value == "now" else value for key, value in closed.items()}
    Node.objects.filter(pk=node.pk).update(**closed)

    with pytest.raises(ProviderError, match="No node has"), transaction.atomic():
        placement.reserve(256)


def test_maintenance_wants_a_reason_and_ends(node: Node) -> None:
    with pytest.raises(Refused, match="Say why"):
        nodes.maintenance_begin(node=node, because=" ")
    nodes.maintenance_begin(node=node, because="new kernel")
    assert not placement.open_nodes().exists()

    nodes.maintenance_end(node=node, cause="test")

    assert placement.open_nodes().get() == node


def test_a_machine_is_drained_by_moving_its_bots_away(
    tenant: Tenant, node: Node, far: Node, there: docker.APIClient, world: World
) -> None:
    bot = run_bot(tenant, node)
    failed = row(tenant, node, 7, status="failed")
    said = StringIO()

    call_command("node_drain", "local", because="new disks", stdout=said)

    assert f"{bot.slug} goes to far" in said.getvalue()
    assert f"{failed.slug} stays: " in said.getvalue()
    operation = Operation.objects.get(kind="move")
    assert operation.cause == "manage.py node_drain"
    assert worked(operation).state == Operation.State.SUCCEEDED, operation.error
    bot.refresh_from_db()
    assert bot.node == far
    node.refresh_from_db()
    assert node.maintenance_because == "new disks"
    assert world.containers(bot) == []
    assert len(there.containers()) == 1


@pytest.fixture
def bot_far_away(
    tenant: Tenant, far: Node, plan: Plan, world: World, machine: OtherMachine
) -> Instance:
    """A bot on the other machine with a proven backup, and something newer than that."""
    bot = living_bot(tenant, far, plan)
    client = machine.engine.client()
    container = client.containers.get(bot.container_name)
    assert container.exec_run(["python3", "-c", LEAVE_SOMETHING])[0] == 0
    client.close()
    backup = lifecycle.operation_open(kind="backup", instance=bot, cause="test")
    assert worked(backup).state == Operation.State.SUCCEEDED, backup.error
    assert Backup.objects.get().proven_at is not None
    return bot


@pytest.fixture
def dead(bot_far_away: Instance, far: Node, machine: OtherMachine, node: Node) -> Node:
    """The other machine after somebody pulled its cable; its bot runs on, unreached."""
    address = far.engine_url
    machine.go_away()
    # Kept connections would find out only after a while.
    Node.objects.filter(pk=far.pk).update(engine_url=f"{address}/")
    assert drift.node_compare(node_id=far.pk) is None
    far.refresh_from_db()
    assert far.unreachable_since is not None
    return far


def test_a_dead_machine_is_given_up_for_backups_and_its_old_bot_is_stopped_when_it_returns(
    dead: Node, bot_far_away: Instance, node: Node, machine: OtherMachine, world: World
) -> None:
    bot, said = bot_far_away, StringIO()
    call_command("node_evacuate", "far", dry_run=True, stdout=said)
    assert "alice-co fits on local, from the backup of" in said.getvalue()
    assert not Operation.objects.live().exists()

    call_command("node_evacuate", "far", stdout=said)

    operation = worked(Operation.objects.get(kind="evacuate"))
    assert operation.state == Operation.State.SUCCEEDED, operation.error
    bot.refresh_from_db()
    assert (bot.node, bot.moving_to, bot.status) == (node, None, "running")
    assert gateway.knows_token(bot.hostname, bot.daemon_token)
    restored = inside(world, world.inspected(bot), READ_IT)
    assert restored == "shall we play a game? 640 1000 1000"
    [mail] = [m for m in world.mails(bot) if "was restored on another machine" in m["subject"]]
    assert f"{Backup.objects.get().taken_at:%H:%M} (UTC)" in mail["text"]
    assert f"answers under the names it had: {bot.url}" in mail["text"]

    machine.come_back()
    wait_until_reached(machine)
    assert drift.node_compare(node_id=dead.pk)
    [old] = Drift.objects.filter(node=dead, kind=Kind.RUNNING_THOUGH_ELSEWHERE)
    assert old.wanted == "nothing: alice-co is on local"
    [fence] = repairs.open_due(node=dead)
    assert worked(fence).state == Operation.State.SUCCEEDED, fence.error
    client = machine.engine.client()
    assert client.api.containers() == []
    assert len(client.api.volumes()["Volumes"]) == 1, "the newer data is kept for a person"
    client.close()
    assert drift.node_compare(node_id=dead.pk)
    left = Drift.objects.filter(node=dead, resolved_at=None).values_list("kind", flat=True)
    assert set(left) == {Kind.UNKNOWN_CONTAINER, Kind.UNKNOWN_VOLUME}
    assert gateway.knows_token(bot.hostname, bot.daemon_token)


def test_a_machine_that_returns_during_its_evacuation_does_not_run_the_bot_twice(
    dead: Node, bot_far_away: Instance, machine: OtherMachine
) -> None:
    [place] = nodes.evacuate(node=dead, cause="test")
    assert place.operation
    machine.come_back()
    wait_until_reached(machine)

    assert drift.node_compare(node_id=dead.pk)
    [fence] = repairs.open_due(node=dead)

    assert fence.kind == "fence"
    assert worked(fence).state == Operation.State.SUCCEEDED, fence.error
    client = machine.engine.client()
    assert client.api.containers() == []
    client.close()
    assert worked(place.operation).state == Operation.State.SUCCEEDED, place.operation.error


def test_the_plan_says_who_fits_where_and_why_others_do_not(
    tenant: Tenant, node: Node, far: Node
) -> None:
    Node.objects.filter(pk=node.pk).update(memory_mb=600)
    bots = {number: row(tenant, far, number, memory_mb=256) for number in range(5)}
    for number in (0, 1, 2):
        proven(bots[number])
    ledger.operation_open(kind="suspend", subject=bots[4], tenant=tenant, cause="test")

    plan = {place.instance.slug: place for place in nodes.evacuation_plan(node=far)}

    placed = [slug for slug, place in plan.items() if place.node == node]
    assert placed == ["bot-0", "bot-1"]
    assert plan["bot-2"].reason == "no machine has 256 MB to spare"
    assert plan["bot-3"].reason == "no backup of it was ever proven"
    assert plan["bot-4"].reason == "another operation on it is under way: suspend"


def proven(bot: Instance) -> Backup:
    operation = ledger.operation_open(kind="backup", subject=bot, tenant=bot.tenant, cause="test")
    held = ledger.claim(operation.pk)
    assert held
    ledger.finish(held, failed=False)
    now = timezone.now() - timedelta(hours=1)
    return Backup.objects.create(
        instance=bot, operation=operation, reason="nightly", taken_at=now, proven_at=now
    )


def test_a_machine_that_answers_is_not_evacuated(node: Node) -> None:
    with pytest.raises(CommandError, match="drain it instead"):
        call_command("node_evacuate", "local")


def test_nothing_is_moved_off_a_machine_that_does_not_answer(
    tenant: Tenant, node: Node, far: Node
) -> None:
    Node.objects.filter(pk=node.pk).update(unreachable_since=timezone.now())
    bot = row(tenant, Node.objects.get(pk=node.pk), 1)

    with pytest.raises(Refused, match="Evacuate it instead"):
        nodes.instance_move(instance=bot, target=far, cause="test")
