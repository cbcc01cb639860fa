"""Worker room: which node a bot goes to. Room is taken in the transaction that asks for it.

A bot takes its memory on the node where it is and, while it moves, on the other one as well.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from fleet.models import Instance, Node, Server
from fleet.offers import Need, rank
from fleet.regions import Region, allows
from tenants.models import Tenant
from wopr.common.errors import ProviderError


def open_nodes() -> QuerySet[Node]:
    """Nodes on which something new may be placed now."""
    return Node.objects.filter(
        accepts_instances=True, maintenance_because="", unreachable_since=None
    ).order_by("pk")


def reserve(
    memory_mb: int,
    *,
    region: Region | None = None,
    besides: UUID | None = None,
    leaving: Instance | None = None,
) -> Node:
    """The open node with the most memory to spare, of those in the region.

    All candidates stay locked, always in the same order, until the instance is there: placements
    that race for the last slot wait for one another and cannot block each other for ever.
    """
    others = open_nodes().exclude(pk=besides) if besides else open_nodes()
    nodes = [node for node in others.select_for_update() if allows(region, node)]
    best = roomiest({node: spare_mb(node, leaving) for node in nodes}, memory_mb)
    if best is None:
        where = f" in {region.code}" if region else ""
        raise ProviderError(
            f"No node{where} has {memory_mb} MB of memory to spare: add a node or enlarge one."
        )
    return best


def reserve_own(
    tenant: Tenant,
    memory_mb: int,
    *,
    need: Need,
    besides: UUID | None = None,
    leaving: Instance | None = None,
) -> Node:
    """The tenant's own machine that fits best, locked; nobody else's bots come to it."""
    machines = Node.objects.exclude(pk=besides) if besides else Node.objects.all()
    own = machines.filter(
        server__tenant=tenant,
        server__status=Server.Status.READY,
        maintenance_because="",
        unreachable_since=None,
    )
    locked = own.select_related("server").order_by("pk").select_for_update(of=("self",))
    node = max(locked, key=lambda node: rank(node.server, need), default=None)
    if node is None:
        raise ProviderError(f"{tenant} has no machine of its own that is ready yet.")
    if spare_mb(node, leaving) < memory_mb:
        raise ProviderError(f"{tenant}'s own machine has no {memory_mb} MB of memory to spare.")
    return node


def reserve_on(node: Node, memory_mb: int) -> Node:
    """This very node, locked. Raises ProviderError unless it is open and has the room."""
    locked = open_nodes().filter(pk=node.pk).select_for_update().first()
    if locked is None:
        raise ProviderError(f"{node} is closed, in maintenance or out of reach.")
    if spare_mb(locked) < memory_mb:
        raise ProviderError(f"{node} has no {memory_mb} MB of memory to spare.")
    return locked


def grow(instance: Instance, memory_mb: int) -> None:
    """Sees to it that the instance's node has room for it to become so large; locks the node."""
    node = Node.objects.select_for_update().get(pk=instance.node_id)
    growth = memory_mb - instance.memory_mb
    if growth > spare_mb(node):
        raise ProviderError(f"{node} has no {growth} MB more for {instance}")


def roomiest(spare: dict[Node, int], memory_mb: int) -> Node | None:
    """Of some nodes the one with the most to spare, if that is enough."""
    best = max(spare, key=lambda node: spare[node], default=None)
    return best if best is not None and spare[best] >= memory_mb else None


def spare_mb(node: Node, leaving: Instance | None = None) -> int:
    """What the node has left for further bots, and for one that gives its place there up."""
    freed = leaving.memory_mb if leaving is not None and leaving.node_id == node.pk else 0
    return node.memory_mb - reserved_mb(node) + freed


def reserved_mb(node: Node) -> int:
    """What bots take that are there, or on their way to it or from it."""
    arriving = Instance.objects.filter(moving_to=node)
    return _sum(node.instances.all()) + _sum(arriving)


def _sum(instances: QuerySet[Instance]) -> int:
    alive = instances.exclude(status=Instance.Status.TERMINATED)
    return int(alive.aggregate(sum=Coalesce(Sum("memory_mb"), 0))["sum"])


def spare_on_all(nodes: Iterable[Node]) -> dict[Node, int]:
    """For a plan: nothing is locked, so nothing is promised."""
    return {node: spare_mb(node) for node in nodes}
