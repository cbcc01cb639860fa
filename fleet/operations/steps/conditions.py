"""Steps that concern a bot only while it is to run, or only while it is not."""

from collections.abc import Callable

from fleet.models import Instance
from fleet.operations.base import Facts, Price, Step

Condition = Callable[[Instance], bool]


class Only(Step[Instance]):
    """Another step, for bots of which a condition holds; for others there is nothing to do."""

    def __init__(self, step: Step[Instance], *, when: Condition) -> None:
        self.step, self.when = step, when
        self.name, self.title = step.name, step.title  # type: ignore[misc]  # of each object
        self.patience, self.deadline = step.patience, step.deadline  # type: ignore[misc]
        self.essential = step.essential  # type: ignore[misc]

    def observe(self, instance: Instance) -> Facts | None:
        if not self.when(instance):
            return {"not for": instance.status}
        return self.step.observe(instance)

    def act(self, instance: Instance) -> None:
        self.step.act(instance)

    def record(self, instance: Instance, facts: Facts) -> None:
        if self.when(instance):
            self.step.record(instance, facts)

    def undo(self, instance: Instance) -> None:
        if self.when(instance):
            self.step.undo(instance)

    def absent(self, instance: Instance) -> bool:
        return not self.when(instance) or self.step.absent(instance)

    def price_per_day(self, instance: Instance) -> Price:
        return self.step.price_per_day(instance)

    def resource(self, instance: Instance) -> str:
        return self.step.resource(instance)


def is_to_run(instance: Instance) -> bool:
    return instance.status == Instance.Status.RUNNING


def is_to_rest(instance: Instance) -> bool:
    return not is_to_run(instance)
