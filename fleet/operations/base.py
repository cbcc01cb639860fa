"""The words of the runner: steps, kinds of operation, and how a step ends early."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from django.db.models import Model

from wopr.common.errors import WoprError

SubjectT = TypeVar("SubjectT", bound=Model)
Facts = dict[str, Any]


class NotYet(WoprError):
    """Nothing is wrong, but the world is not there yet; look again in `retry_in` seconds."""

    def __init__(self, message: str, *, retry_in: float = 2.0) -> None:
        super().__init__(message)
        self.retry_in = retry_in


class LostLease(WoprError):
    """Another worker holds the operation now; whatever this one does next must not be written."""


@dataclass(frozen=True)
class Price:
    amount: Decimal = Decimal()
    currency: str = "eur"


class Step(Generic[SubjectT]):
    """One part of an operation: observe, act, verify (observe again), record.

    `observe` returns facts when the work is done, None when it is not. `act` does it, in a way
    that may be repeated. `record` writes what was seen to the subject, inside the transaction that
    marks the step done. `undo` removes what `act` made and returns only when that was seen gone.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    # Seconds of looking again, in the worker, before the operation is put back for later.
    patience: ClassVar[float] = 5.0
    # Seconds from the first try after which NotYet becomes a failure.
    deadline: ClassVar[float] = 900.0
    # A step that is not essential may fail without undoing the operation.
    essential: ClassVar[bool] = True

    def observe(self, subject: SubjectT) -> Facts | None:
        raise NotImplementedError

    def act(self, subject: SubjectT) -> None:
        raise NotImplementedError

    def record(self, subject: SubjectT, facts: Facts) -> None:
        """Most steps have nothing to write beyond their facts."""

    def undo(self, subject: SubjectT) -> None:
        """Most steps leave nothing behind that the undoing of another does not remove."""

    def absent(self, subject: SubjectT) -> bool:
        """Whether a re-read of the world shows nothing of what `act` makes."""
        return True

    def price_per_day(self, subject: SubjectT) -> Price:
        """What it would cost if it were left behind; most things cost nothing."""
        return Price()

    def resource(self, subject: SubjectT) -> str:
        """What would be left behind if `undo` failed, for the books."""
        return f"{self.name} of {subject}"


def unchanged(_subject: object) -> None:
    """The steps have written what was seen; the operation says what failed."""


@dataclass(frozen=True)
class Kind(Generic[SubjectT]):
    """A kind of operation: whom it is about, its steps in order, what its end means."""

    name: str
    title: str
    subject_kind: str
    load: Callable[[UUID], SubjectT]
    steps: tuple[Step[SubjectT], ...]
    # What a failure means for the subject's own row.
    failed: Callable[[SubjectT], None] = unchanged
    # Whether a failure takes back what the steps before it made.
    undoes: bool = True

    def step(self, name: str) -> Step[SubjectT]:
        return next(step for step in self.steps if step.name == name)


KINDS: dict[str, Kind[Any]] = {}


def register(kind: Kind[Any]) -> Kind[Any]:
    """Makes a kind known to the runner. Adding one is adding a module that does this."""
    KINDS[kind.name] = kind
    return kind
