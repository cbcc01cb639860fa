"""Worker room: closing machines, emptying them, and giving up those that are dead."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from fleet import homes, placement, ports, regions
from fleet.models import Backup, Instance, Node, Operation, Server
from fleet.operations import ledger
from fleet.server_moves import node_server_move
from wopr.common.errors import ProviderError, Refused

Status = Instance.Status
# What has data that can be brought elsewhere. One that is being set up, or failed, is set up anew.
MOVABLE = (Status.RUNNING, Status.STOPPED, Status.SUSPENDED)

# Of moves that nobody asked for: how many at once, and how long after one that failed none.
RELOCATED_AT_ONCE, RELOCATION_PAUSE = 4, timedelta(hours=1)


@dataclass(frozen=True)
class Place:
    """Where a bot of a machine is to go, or why it stays."""

    instance: Instance
    node: Node | None = None
    backup: Backup | None = None
    operation: Operation | None = None
    reason: str = ""


def maintenance_begin(*, node: Node, because: str) -> None:
    """Nothing new is placed there until it ends; what runs goes on."""
    if not because.strip():
        raise Refused("reason_needed", "Say why, for whoever finds it closed.", field="because")
    Node.objects.filter(pk=node.pk).update(maintenance_because=because.strip()[:200])


def maintenance_end(*, node: Node, cause: str) -> None:
    """Also of one that was being emptied."""
    with transaction.atomic():
        Node.objects.filter(pk=node.pk).update(maintenance_because="")
        node_server_move(node, Server.Status.DRAINING, Server.Status.READY, cause=cause)


def instance_move(*, instance: Instance, target: Node | None, cause: str) -> Operation:
    """Opens a move to a node, or to the roomiest one. Room and port there are taken at once.

    Raises Refused when the bot cannot be moved now, ProviderError when there is no room.
    """
    _insist_reachable(instance.node)
    if target is not None and target.pk == instance.node_id:
        raise Refused("already_there", f"{instance} is on {target} already.", status=409)
    return _open("move", instance, target, cause, {})


def relocate(*, instance: Instance, memory_mb: int, cause: str) -> Operation:
    """Opens a move that nobody asked for, to where so much memory is free and the bot belongs.

    Its service pauses for it, so only a few are under way at once, and after one that failed the
    next waits. Raises Refused and ProviderError as a move does.
    """
    _insist_reachable(instance.node)
    moves = Operation.objects.filter(kind="move")
    if moves.live().count() >= RELOCATED_AT_ONCE:
        raise Refused("moves_under_way", f"{instance} waits for other moves to end.", status=409)
    failed = moves.filter(subject_id=instance.pk, state=Operation.State.FAILED)
    if failed.filter(finished_at__gt=timezone.now() - RELOCATION_PAUSE).exists():
        raise Refused("moved_lately", f"{instance} could not be moved a while ago.", status=409)
    return _open("move", instance, None, cause, {}, memory_mb=memory_mb)


def drain(*, node: Node, because: str, cause: str) -> list[Place]:
    """Closes the machine and opens a move for every bot on it that can be moved now.

    What is busy, or finds no room, is told; draining again takes up what is left.
    """
    _insist_reachable(node)
    _close(node, because, cause)
    return [_attempt("move", Place(bot), cause) for bot in _bots(node)]


def evacuation_plan(*, node: Node) -> list[Place]:
    """Who fits where, and from which proven backup; the largest choose first."""
    spare = placement.spare_on_all(placement.open_nodes().exclude(pk=node.pk))
    return [_planned(bot, spare) for bot in sorted(_bots(node), key=lambda b: -b.memory_mb)]


def evacuate(*, node: Node, cause: str) -> list[Place]:
    """Gives a dead machine up: restores its bots on others. Its leftovers are drift if it returns.

    Raises Refused while its engine answers, since its bots can be moved with their data then.
    """
    node.refresh_from_db()
    if node.unreachable_since is None:
        raise Refused("node_answers", f"{node} answers: drain it instead.", status=409)
    because = node.maintenance_because or "given up: its bots were restored elsewhere"
    _close(node, because, cause)
    plan = evacuation_plan(node=node)
    return [_attempt("evacuate", place, cause) if place.node else place for place in plan]


def _close(node: Node, because: str, cause: str) -> None:
    """To be emptied: what was bought for it is draining until it is given back or opened again."""
    with transaction.atomic():
        maintenance_begin(node=node, because=because)
        node_server_move(node, Server.Status.READY, Server.Status.DRAINING, cause=cause)


def _bots(node: Node) -> list[Instance]:
    alive = node.instances.exclude(status=Status.TERMINATED)
    return list(alive.select_related("tenant", "node").order_by("slug"))


def _planned(bot: Instance, spare: dict[Node, int]) -> Place:
    if reason := _why_not(bot):
        return Place(bot, reason=reason)
    proven = Backup.objects.filter(instance=bot, proven_at__isnull=False, forgotten_at=None)
    backup = proven.order_by("-taken_at").first()
    if backup is None:
        return Place(bot, reason="no backup of it was ever proven")
    region = regions.chosen(bot.tenant)
    within = {node: room for node, room in spare.items() if regions.allows(region, node)}
    node = placement.roomiest(within, bot.memory_mb)
    if node is None:
        return Place(bot, backup=backup, reason=f"no machine has {bot.memory_mb} MB to spare")
    spare[node] -= bot.memory_mb
    return Place(bot, node=node, backup=backup)


def _why_not(bot: Instance) -> str:
    if bot.status not in MOVABLE:
        return f"it is {bot.status}; it is set up anew from its operations"
    live = Operation.objects.live().filter(subject_kind="instance", subject_id=bot.pk).first()
    return f"another operation on it is under way: {live.kind}" if live else ""


def _attempt(kind: str, place: Place, cause: str) -> Place:
    parameters = {"backup": str(place.backup.pk)} if place.backup else {}
    try:
        operation = _open(kind, place.instance, place.node, cause, parameters)
    except (Refused, ProviderError) as error:
        return Place(place.instance, backup=place.backup, reason=str(error))
    bot = Instance.objects.select_related("moving_to").get(pk=place.instance.pk)
    return Place(bot, bot.moving_to, place.backup, operation)


def _open(
    kind: str,
    instance: Instance,
    target: Node | None,
    cause: str,
    parameters: dict[str, str],
    *,
    memory_mb: int = 0,
) -> Operation:
    with transaction.atomic():
        node = _reserved(instance, target, max(memory_mb, instance.memory_mb))
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        if row.status not in MOVABLE:
            raise Refused(
                "instance_not_movable", f"{row} is {row.status}; it cannot be moved.", status=409
            )
        operation = ledger.operation_open(
            kind=kind,
            subject=row,
            tenant=instance.tenant,
            cause=cause,
            parameters={"source": str(row.node_id), "target": str(node.pk), **parameters},
        )
        row.moving_to, row.moving_port = node, ports.free_port(node)
        row.save(update_fields=["moving_to", "moving_port", "updated_at"])
    return operation


def _reserved(instance: Instance, target: Node | None, memory_mb: int) -> Node:
    """Nodes are locked before the instance's row, as everybody does."""
    if target is not None:
        return placement.reserve_on(target, memory_mb)
    return homes.reserve(instance.tenant, memory_mb, besides=instance.node_id)


def _insist_reachable(node: Node) -> None:
    if node.unreachable_since is not None:
        raise Refused(
            "node_unreachable",
            f"{node} does not answer, so nothing can be copied from it. Evacuate it instead.",
            status=409,
        )
