"""Steps that take away what provisioning made, and prove that it is gone."""

from typing import Any

from django.utils import timezone

from fleet.engines.docker import engine
from fleet.models import Instance
from fleet.operations.base import Facts, NotYet, Step
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
            "image": instance.release.digest if instance.release else None,
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


def _containers(instance: Instance) -> list[str]:
    """Whatever on the node carries the bot's label, under any name."""
    listed = engine(instance.node).list_containers()
    return [found.name for found in listed if found.labels.get(OURS) == str(instance.pk)]


def _volumes(instance: Instance) -> list[str]:
    listed = engine(instance.node).list_volumes()
    return [found.name for found in listed if found.labels.get(OURS) == str(instance.pk)]
