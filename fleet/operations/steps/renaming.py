"""Steps that give a bot another name: the new one is seen to work before the old one goes."""

from copy import copy

from fleet import edge
from fleet.models import Instance, Route
from fleet.operations.base import Facts, NotYet, Step
from fleet.operations.ledger import live_operation
from fleet.operations.steps import reach


class PublishNewRoute(reach.PublishRoute):
    """Beside the old one, which goes on to lead to the bot."""

    name = "publish_new_route"
    title = "Publish the new route"

    def undo(self, instance: Instance) -> None:
        withdraw_route(instance)


class RemoveOldRecord(Step[Instance]):
    name = "remove_old_record"
    title = "Remove the old DNS record"

    def observe(self, instance: Instance) -> Facts | None:
        old = as_before(instance)
        return {"gone": old.hostname} if reach.PublishRecord().absent(old) else None

    def act(self, instance: Instance) -> None:
        reach.PublishRecord().undo(as_before(instance))

    def undo(self, instance: Instance) -> None:
        step, old = reach.PublishRecord(), as_before(instance)
        if step.observe(old) is None:
            step.act(old)
        seen = step.observe(old)
        if seen is None:
            raise NotYet(f"the record of {old.hostname} is not back yet")
        step.record(old, seen)


class RemoveOldRoute(Step[Instance]):
    name = "remove_old_route"
    title = "Remove the old route"

    def observe(self, instance: Instance) -> Facts | None:
        old = as_before(instance).hostname
        declared = Route.objects.filter(hostname=old).exists()
        return {"gone": old} if not declared and not edge.mentions(old) else None

    def act(self, instance: Instance) -> None:
        withdraw_route(as_before(instance))

    def undo(self, instance: Instance) -> None:
        step, old = reach.PublishRoute(), as_before(instance)
        step.act(old)
        if step.observe(old) is None:
            raise NotYet(f"the route of {old.hostname} is not back yet")


def as_before(instance: Instance) -> Instance:
    """The instance under the name that it had when the operation was opened."""
    old = copy(instance)
    old.slug = live_operation("instance", instance.pk).parameters["from"]
    return old


def withdraw_route(instance: Instance) -> None:
    """Takes this one name from the edge; whatever else leads to the bot stays."""
    Route.objects.filter(hostname=instance.hostname, instance=instance).delete()
    edge.publish()
    if edge.mentions(instance.hostname):
        raise NotYet(f"the route of {instance.hostname} is still there")
