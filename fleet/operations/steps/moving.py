"""Steps that bring a bot and its data to another node.

A bot that moves has two places and keeps room in both until the end: where it lives, and the other
one (`moving_to`). The operation's parameters say which of them it comes from and which it goes to,
so a step finds its place before the switch as well as after it.
"""

from collections.abc import Callable
from copy import copy

from django.db import transaction

from fleet import archives, edge, ports
from fleet.engines.registry import engine
from fleet.models import Instance, Node, Route
from fleet.operations.base import Facts, NotYet, Price, Step
from fleet.operations.ledger import live_operation
from fleet.operations.runner import carry_out
from fleet.operations.steps import containers, standing
from fleet.operations.steps.backups import differences
from fleet.operations.steps.conditions import is_to_rest, is_to_run
from fleet.operations.steps.containers import ensure_container, find_container, labels
from fleet.operations.steps.recreating import Recreate, WaitHealthyAgain
from wopr.common.errors import ProviderError

View = Callable[[Instance], Instance]
_CONTAINER, _VOLUME = containers.CreateContainer(), containers.CreateVolume()


def at_source(instance: Instance) -> Instance:
    """The bot in the place that it comes from; never saved."""
    return _in(instance, "source")


def at_target(instance: Instance) -> Instance:
    """The bot in the place that it goes to; never saved."""
    return _in(instance, "target")


def _in(instance: Instance, place: str) -> Instance:
    node_id = live_operation("instance", instance.pk).parameters[place]
    if str(instance.node_id) == node_id:
        return instance
    if instance.moving_to is None or str(instance.moving_to_id) != node_id:
        raise ProviderError(f"{instance} has no room at the {place} of its move", permanent=True)
    other = copy(instance)
    other.node, other.host_port = instance.moving_to, instance.moving_port or 0
    return other


class In(Step[Instance]):
    """Another step, done in one of the two places."""

    def __init__(self, place: View, step: Step[Instance], *, name: str, title: str) -> None:
        self.place, self.step = place, step
        self.name, self.title = name, title  # type: ignore[misc]  # of each object
        self.patience, self.deadline = step.patience, step.deadline  # type: ignore[misc]

    def observe(self, instance: Instance) -> Facts | None:
        return self.step.observe(self.place(instance))

    def act(self, instance: Instance) -> None:
        self.step.act(self.place(instance))

    def undo(self, instance: Instance) -> None:
        self.step.undo(self.place(instance))

    def price_per_day(self, instance: Instance) -> Price:
        return self.step.price_per_day(instance)

    def resource(self, instance: Instance) -> str:
        return self.step.resource(self.place(instance))


class StopThere(standing.StopContainer):
    """Undoing has a bot that is to run answer again from where it was."""

    way_back: tuple[Step[Instance], ...] = (Recreate(), WaitHealthyAgain())

    def undo(self, instance: Instance) -> None:
        for step in self.way_back if is_to_run(instance) else ():
            carry_out(step, instance)


class CopyData(Step[Instance]):
    """Everything in /data with its owners; done when both sides, read again, are equal.

    The stream goes through this worker and is kept nowhere. A copy that was broken off is thrown
    away: what is in the volume of the new place is all from one reading.
    """

    name = "copy_data"
    title = "Copy the bot's data"
    deadline = 6 * 3600.0

    def observe(self, instance: Instance) -> Facts | None:
        target = at_target(instance)
        container = find_container(target)
        if container is None or container.running:
            return None
        wanted = _manifest(at_source(instance))
        if differences(wanted, _manifest(target)):
            return None
        return {"files": len(wanted), "node": str(target.node)}

    def act(self, instance: Instance) -> None:
        source, target = at_source(instance), at_target(instance)
        remove_all(target)
        engine(target.node).create_volume(target.volume_name, labels(target))
        ensure_container(target)
        if is_to_rest(target):
            engine(target.node).set_restarting(target.container_name, restarts=False)
        ensure_container(source)
        data = engine(source.node).read_data(source.container_name)
        engine(target.node).write_data(target.container_name, data)

    def undo(self, instance: Instance) -> None:
        remove_all(at_target(instance))

    def price_per_day(self, instance: Instance) -> Price:
        return _VOLUME.price_per_day(instance)

    def resource(self, instance: Instance) -> str:
        return f"copy of {instance.volume_name} on {at_target(instance).node}"


class StartThere(containers.StartContainer):
    """Like any start; another program on its port costs only the port that was reserved."""

    def act(self, instance: Instance) -> None:
        ensure_container(instance)
        node = engine(instance.node)
        try:
            node.start_container(instance.container_name)
        except ProviderError as error:
            if not ports.is_conflict(error):
                raise
            node.remove_container(instance.container_name)
            _reserve_next_port(instance)
            raise NotYet("the port was taken by another program; trying the next one") from error


class SwitchPlace(Step[Instance]):
    """From here on the bot lives in the other place, and its names lead there."""

    name = "switch_place"
    title = "Lead the bot's names to its new place"

    def observe(self, instance: Instance) -> Facts | None:
        if at_target(instance) is not instance or not _leads_to(instance):
            return None
        return {"node": str(instance.node), "upstream": instance.upstream}

    def act(self, instance: Instance) -> None:
        _settle(instance, at_target(instance))

    def undo(self, instance: Instance) -> None:
        _settle(instance, at_source(instance))
        if not _leads_to(instance):
            raise NotYet(f"{instance.hostname} does not lead back yet")


class RemoveThere(Step[Instance]):
    """The container and the volume in the place that the bot left, seen to be gone.

    The bot runs elsewhere by now: what cannot be removed undoes nothing, and is found as drift.
    """

    name = "remove_source"
    title = "Remove the bot from where it was"
    essential = False

    def observe(self, instance: Instance) -> Facts | None:
        source = at_source(instance)
        return {"gone": f"{source.volume_name} on {source.node}"} if _is_gone(source) else None

    def act(self, instance: Instance) -> None:
        if at_target(instance) is not instance:
            raise ProviderError(f"{instance} still lives where it came from", permanent=True)
        remove_all(at_source(instance))


class EndMove(Step[Instance]):
    name = "end_move"
    title = "Give the other place free"

    def observe(self, instance: Instance) -> Facts | None:
        return {"node": str(instance.node)} if instance.moving_to_id is None else None

    def act(self, instance: Instance) -> None:
        give_free(instance)


def give_free(instance: Instance) -> None:
    """Ends the reservation on the other node."""
    Instance.objects.filter(pk=instance.pk).update(moving_to=None, moving_port=None)
    instance.moving_to, instance.moving_port = None, None


def remove_all(instance: Instance) -> None:
    """Removes what is the bot's on the instance's node; raises NotYet until it is seen gone."""
    if not _CONTAINER.absent(instance):
        engine(instance.node).remove_container(instance.container_name)
    _VOLUME.undo(instance)
    if not _is_gone(instance):
        raise NotYet(f"the bot is still on {instance.node}")


def _is_gone(instance: Instance) -> bool:
    return _CONTAINER.absent(instance) and _VOLUME.absent(instance)


def _manifest(instance: Instance) -> archives.Manifest:
    with archives.spooled(engine(instance.node).read_data(instance.container_name)) as data:
        return archives.manifest_of(data)


def _settle(instance: Instance, place: Instance) -> None:
    """Makes `place` the one where the bot lives, and the other one that which it keeps."""
    container = find_container(place)
    with transaction.atomic():
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        if row.node_id != place.node_id:
            Instance.objects.filter(pk=row.pk).update(
                node=place.node,
                host_port=place.host_port,
                moving_to=row.node_id,
                moving_port=row.host_port,
                container_id=container.id if container else "",
            )
        routes = Route.objects.filter(instance=row).exclude(upstream="")
        routes.update(upstream=place.upstream)
    instance.refresh_from_db()
    edge.publish()


def _leads_to(instance: Instance) -> bool:
    """Whether all names of the bot that lead to a bot at all lead to where it lives."""
    routes = Route.objects.filter(instance=instance).exclude(upstream="")
    if routes.exclude(upstream=instance.upstream).exists():
        return False
    bots = routes.filter(serves=Route.Serves.BOT)
    return all(edge.is_published(route.hostname, route.upstream) for route in bots)


def _reserve_next_port(instance: Instance) -> None:
    with transaction.atomic():
        node = Node.objects.select_for_update().get(pk=instance.node_id)
        port = ports.free_port(node, above=instance.host_port)
        Instance.objects.filter(pk=instance.pk).update(moving_port=port)
