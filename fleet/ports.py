"""Worker room: which loopback port of a node an instance is published on.

A port belongs to one instance for life. Were it the engine's to choose, it would change at every
restart, and a name could lead to another tenant's bot until somebody noticed.
"""

from django.conf import settings
from django.db import transaction

from fleet.models import Instance, Node
from wopr.common.errors import ProviderError

_CONFLICTS = ("port is already allocated", "address already in use", "cannot expose port")


def free_port(node: Node, *, above: int = 0) -> int:
    """The lowest free port of the node that is higher than `above`; the node row must be locked."""
    first, last = (int(end) for end in settings.WOPR_PORT_RANGE.split("-"))
    alive = Instance.objects.filter(node=node).exclude(status=Instance.Status.TERMINATED)
    arriving = Instance.objects.filter(moving_to=node).values_list("moving_port", flat=True)
    taken = {*alive.values_list("host_port", flat=True), *arriving}
    for port in range(max(first, above + 1), last + 1):
        if port not in taken:
            return port
    raise ProviderError(f"{node} has no free port left in WOPR_PORT_RANGE {first}-{last}")


def reassign(instance: Instance) -> None:
    """Gives the instance the next free port, since another program holds its own."""
    with transaction.atomic():
        node = Node.objects.select_for_update().get(pk=instance.node_id)
        instance.host_port = free_port(node, above=instance.host_port)
        Instance.objects.filter(pk=instance.pk).update(host_port=instance.host_port)


def is_conflict(error: ProviderError) -> bool:
    """Whether the engine refused a start because the port is somebody else's."""
    return any(text in str(error) for text in _CONFLICTS)
