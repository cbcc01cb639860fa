"""Steps that take away what provisioning made, and prove that it is gone."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from fleet.engines.registry import engine
from fleet.models import Instance, Leak, Operation
from fleet.models import Step as Row
from fleet.operations.base import KINDS, Facts, NotYet, Price, Step
from fleet.operations.ledger import live_operation
from fleet.operations.steps import containers, reach
from fleet.operations.steps.containers import OURS
from fleet.operations.steps.custom_domains import LeadDomains
from fleet.operations.steps.sign_on import AdmitPeople, OpenDoor


class Remove(Step[Instance]):
    """Does what undoing `maker` does, as a step of its own; what is gone already is done."""

    essential = True

    def __init__(self, maker: Step[Instance], *, name: str, title: str) -> None:
        self.maker = maker
        self.name, self.title = name, title  # type: ignore[misc]  # of each object, not the class

    def observe(self, instance: Instance) -> Facts | None:
        return {"gone": self.maker.resource(instance)} if self.maker.absent(instance) else None

    def act(self, instance: Instance) -> None:
        self.maker.undo(instance)

    def price_per_day(self, instance: Instance) -> Price:
        return self.maker.price_per_day(instance)

    def resource(self, instance: Instance) -> str:
        return self.maker.resource(instance)


MAKERS: tuple[Step[Instance], ...] = (
    reach.PublishRoute(),
    reach.PublishRecord(),
    containers.CreateContainer(),
    containers.CreateVolume(),
    LeadDomains(),
    OpenDoor(),
    AdmitPeople(),
)


class VerifyGone(Step[Instance]):
    """Everything is re-read as absent, all at once, before the row says terminated."""

    name = "verify_gone"
    title = "See that nothing is left"

    def observe(self, instance: Instance) -> Facts | None:
        left = [maker.resource(instance) for maker in MAKERS if not maker.absent(instance)]
        left += [f"container {name}" for name in _containers(instance)]
        left += [f"volume {name}" for name in _volumes(instance)]
        if left:
            raise NotYet(f"still there: {', '.join(left)}")
        return {
            "absent": [maker.resource(instance) for maker in MAKERS],
            "no_container_refers_to": instance.release.digest if instance.release else None,
        }

    def act(self, instance: Instance) -> None:
        """What else carries the bot's label is scratch of a proof whose worker died.

        And the people are left to this bot when the tenant's other one ended a moment ago.
        """
        AdmitPeople().undo(instance)
        node = engine(instance.node)
        for container in _containers(instance):
            node.remove_container(container)
        for volume in _volumes(instance):
            node.remove_volume(volume)

    def record(self, instance: Instance, facts: dict[str, Any]) -> None:
        Instance.objects.filter(pk=instance.pk).update(
            status=Instance.Status.TERMINATED, terminated_at=timezone.now()
        )
        instance.variables.all().delete()
        resolve(instance)

    def resource(self, instance: Instance) -> str:
        return f"what carries the label of {instance} on {instance.node}"


def book(instance: Instance) -> None:
    """Puts on the books what an ending that failed did not remove, each thing once and priced.

    What was not tried yet counts if it costs something; all that is seen gone is struck out when
    a later ending succeeds.
    """
    operation = live_operation("instance", instance.pk)
    kind = KINDS[operation.kind]
    booked = set(_on_the_books(instance).values_list("resource", flat=True))
    for row in operation.steps.exclude(state=Row.State.DONE):
        step = kind.step(row.name)
        price = step.price_per_day(instance)
        if not isinstance(step, (Remove, VerifyGone)) or step.resource(instance) in booked:
            continue
        if row.is_begun or price.amount:
            Leak.objects.create(
                operation=operation,
                step=step.name,
                resource=step.resource(instance),
                reason=operation.error,
                cost_per_day=price.amount,
                currency=price.currency,
            )


def resolve(instance: Instance) -> None:
    """Nothing of the bot is left on its node, so nothing of it is on the books for there."""
    gone = [maker.resource(instance) for maker in MAKERS] + [VerifyGone().resource(instance)]
    _on_the_books(instance).filter(resource__in=gone).update(resolved_at=timezone.now())


def _on_the_books(instance: Instance) -> QuerySet[Leak]:
    theirs = Operation.objects.filter(subject_kind="instance", subject_id=instance.pk)
    return Leak.objects.filter(operation__in=theirs, resolved_at=None)


def _containers(instance: Instance) -> list[str]:
    """Whatever on the node carries the bot's label, under any name."""
    listed = engine(instance.node).list_containers()
    return [found.name for found in listed if found.labels.get(OURS) == str(instance.pk)]


def _volumes(instance: Instance) -> list[str]:
    listed = engine(instance.node).list_volumes()
    return [found.name for found in listed if found.labels.get(OURS) == str(instance.pk)]
