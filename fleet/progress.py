"""Selector: an operation as a person follows it: percentage, current step, what happens next."""

from dataclasses import dataclass

from fleet.models import Operation, Step
from fleet.operations.base import KINDS


@dataclass(frozen=True)
class Progress:
    percent: int
    current: Step | None


def progress_of(operation: Operation) -> Progress:
    """Counts steps that are over; a finished operation is at 100 whatever became of its steps."""
    steps = list(operation.steps.all())
    if operation.state == Operation.State.SUCCEEDED:
        return Progress(100, None)
    over = [s for s in steps if s.state in {Step.State.DONE, Step.State.FAILED}]
    busy = next((s for s in steps if s.state in {Step.State.RUNNING, Step.State.WAITING}), None)
    current = busy or next((s for s in steps if s.state == Step.State.PENDING), None)
    percent = round(100 * len(over) / len(steps)) if steps else 0
    return Progress(percent, current if operation.is_live else None)


def kind_title(kind: str) -> str:
    return KINDS[kind].title if kind in KINDS else kind


def step_title(kind: str, name: str) -> str:
    """The step's title; its name when the step has since been taken out of the kind."""
    steps = KINDS[kind].steps if kind in KINDS else ()
    return next((step.title for step in steps if step.name == name), name)
