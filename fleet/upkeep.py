"""Services of machines and differences: what staff ask for, and the workers that are woken."""

from datetime import datetime

from fleet import nodes, repairs
from fleet.models import Drift, Instance, Node, Operation
from fleet.tasks import operation_run
from wopr.common.errors import ProviderError, Refused
from wopr.common.queue import wake


def node_maintenance_begin(*, node: Node, because: str) -> None:
    nodes.maintenance_begin(node=node, because=because)


def node_maintenance_end(*, node: Node, cause: str) -> None:
    nodes.maintenance_end(node=node, cause=cause)


def node_drain(*, node: Node, because: str, cause: str) -> list[nodes.Place]:
    """Closes a machine and moves its bots away; says where each goes, or why it stays."""
    return _all_woken(nodes.drain(node=node, because=because, cause=cause))


def node_evacuate(*, node: Node, cause: str) -> list[nodes.Place]:
    """Restores the bots of a dead machine elsewhere; says from which backup each, or why not."""
    return _all_woken(nodes.evacuate(node=node, cause=cause))


def instance_move(*, instance: Instance, cause: str, target: Node | None = None) -> Operation:
    """Moves a bot to a machine, or to the roomiest one. Raises Refused when there is no room."""
    try:
        return _woken(nodes.instance_move(instance=instance, target=target, cause=cause))
    except ProviderError as error:
        raise Refused("no_room", str(error), status=409) from error


def drift_repair(*, drift: Drift, cause: str) -> Operation:
    return _woken(repairs.drift_repair(drift=drift, cause=cause))


def drift_adopt(*, drift: Drift, cause: str) -> Operation | None:
    operation = repairs.drift_adopt(drift=drift, cause=cause)
    return _woken(operation) if operation else None


def drift_clean(*, drift: Drift, cause: str) -> Operation:
    return _woken(repairs.drift_clean(drift=drift, cause=cause))


def drift_ignore(*, drift: Drift, until: datetime, because: str) -> None:
    repairs.drift_ignore(drift=drift, until=until, because=because)


def _woken(operation: Operation) -> Operation:
    wake(operation_run, operation.pk)
    return operation


def _all_woken(places: list[nodes.Place]) -> list[nodes.Place]:
    for place in places:
        if place.operation:
            _woken(place.operation)
    return places
