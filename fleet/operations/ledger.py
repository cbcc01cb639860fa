"""The operations' rows: opening, claiming, and every write under a claim.

A claim is a conditional update that wins or loses; it gives the worker a lease and a fence number.
Every later write locks the row and checks both, so that a worker that was thought dead writes
nothing.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from fleet.models import Leak, Operation, Step
from fleet.operations.base import KINDS, Facts, LostLease, Price
from wopr.common.correlation import current_id, new_id
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
FREE = Price()


def operation_open(
    *, kind: str, subject: Any, tenant: Any, cause: str, parameters: Facts | None = None
) -> Operation:
    """Writes the operation and its steps, in the caller's transaction.

    Raises Refused when another operation of the subject is live. The caller wakes a worker.
    """
    definition = KINDS[kind]
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                kind=kind,
                subject_kind=definition.subject_kind,
                subject_id=subject.pk,
                tenant=tenant,
                cause=cause[:200],
                parameters=parameters or {},
                correlation_id=current_id() or new_id(),
            )
    except IntegrityError as error:
        raise Refused(
            "operation_live",
            f"Another operation on {subject} is under way; wait for it to end.",
            status=409,
        ) from error
    Step.objects.bulk_create(
        Step(operation=operation, position=position, name=step.name)
        for position, step in enumerate(definition.steps, 1)
    )
    return operation


def live_operation(subject_kind: str, subject_id: UUID) -> Operation:
    """The operation that is under way on a subject; a step asks on whose behalf it works."""
    return Operation.objects.live().get(subject_kind=subject_kind, subject_id=subject_id)


@dataclass(frozen=True)
class Claim:
    """The right to work on an operation, until the lease runs out or somebody takes it over."""

    operation_id: UUID
    fence: int

    def operation(self) -> Operation:
        return Operation.objects.get(pk=self.operation_id)

    def renew(self) -> bool:
        """Prolongs the lease; False when it is no longer ours."""
        return bool(self._mine().update(lease_until=_lease_end()))

    def _mine(self) -> Any:
        return Operation.objects.live().filter(pk=self.operation_id, fence=self.fence)

    @contextmanager
    def writing(self) -> Iterator[Operation]:
        """A transaction that holds the row. Raises LostLease when the claim is not ours any more.

        Everything written inside is one visible change: the revision goes up by one.
        """
        with transaction.atomic():
            operation = self._mine().select_for_update().first()
            if operation is None:
                raise LostLease(f"operation {self.operation_id} is held by another worker")
            yield operation
            operation.revision += 1
            operation.save()


def claim(operation_id: UUID) -> Claim | None:
    """One winner among all workers that try; None for the others and for what is not due."""
    now = timezone.now()
    won = (
        Operation.objects.due()
        .filter(pk=operation_id)
        .update(fence=F("fence") + 1, attempts=F("attempts") + 1, lease_until=_lease_end())
    )
    if not won:
        return None
    operation = Operation.objects.get(pk=operation_id)
    held = Claim(operation.pk, operation.fence)
    if operation.state == Operation.State.QUEUED:
        with held.writing() as row:
            row.state, row.started_at = Operation.State.RUNNING, now
    return held


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.WOPR_OPERATION_LEASE_SECONDS)


def next_step(operation: Operation) -> Step | None:
    """The first step that is still to be done; while undoing, the last that is to be undone."""
    steps = list(operation.steps.all())
    if operation.state == Operation.State.UNDOING:
        begun = [s for s in steps if s.is_begun and not _is_lost(s)]
        return begun[-1] if begun else None
    return next((s for s in steps if s.state not in {Step.State.DONE, Step.State.FAILED}), None)


def _is_lost(step: Step) -> bool:
    return Leak.objects.filter(operation_id=step.operation_id, step=step.name).exists()


def step_begin(held: Claim, step: Step) -> None:
    """Committed before the world is touched: a death during the step leaves evidence of it."""
    with held.writing():
        step.state, step.attempts = Step.State.RUNNING, step.attempts + 1
        step.started_at = step.started_at or timezone.now()
        step.save()


def step_done(held: Claim, step: Step, facts: Facts, record: Callable[[], None]) -> None:
    with held.writing():
        step.state, step.facts, step.message = Step.State.DONE, facts, ""
        step.attempts, step.finished_at = 0, timezone.now()
        step.save()
        record()


def step_wait(held: Claim, step: Step, message: str, wait: float, *, in_order: bool) -> None:
    """Puts the operation back. `in_order` means that nothing failed, so no attempt is counted."""
    with held.writing() as operation:
        step.state, step.message = Step.State.WAITING, message
        step.attempts = 0 if in_order else step.attempts
        step.save()
        operation.next_attempt_at = timezone.now() + timedelta(seconds=wait)
        operation.lease_until = None


def step_give_up(held: Claim, step: Step, message: str, *, undo: bool) -> None:
    """The step failed for good; `undo` begins to take back what the steps before it made."""
    with held.writing() as operation:
        step.state, step.message, step.finished_at = Step.State.FAILED, message, timezone.now()
        step.attempts = 0
        step.save()
        operation.error = f"{step.name}: {message}"
        if undo:
            operation.state = Operation.State.UNDOING
    logger.error("operation %s: step %s failed: %s", held.operation_id, step.name, message)


def step_undone(held: Claim, step: Step) -> None:
    with held.writing():
        step.state, step.finished_at = Step.State.UNDONE, timezone.now()
        step.save()


def step_leaked(held: Claim, step: Step, resource: str, reason: str, price: Price = FREE) -> None:
    """What could not be removed goes on the books; the undoing goes on."""
    with held.writing() as operation:
        Leak.objects.create(
            operation=operation,
            step=step.name,
            resource=resource,
            reason=reason,
            cost_per_day=price.amount,
            currency=price.currency,
        )
        step.message, step.finished_at = f"left behind: {reason}", timezone.now()
        step.save()
    logger.error("operation %s leaked %s: %s", held.operation_id, resource, reason)


def finish(held: Claim, *, failed: bool, then: Callable[[], None] | None = None) -> None:
    """Ends the operation; `then` is written in the same transaction."""
    with held.writing() as operation:
        operation.state = Operation.State.FAILED if failed else Operation.State.SUCCEEDED
        operation.finished_at, operation.lease_until = timezone.now(), None
        if then is not None:
            then()


def due_ids(limit: int = 200) -> list[UUID]:
    due = Operation.objects.due().order_by("next_attempt_at")
    return list(due.values_list("pk", flat=True)[:limit])
