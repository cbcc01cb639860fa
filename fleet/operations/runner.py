"""Runs an operation: claims it, takes its steps in order, and knows none of them by name."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from fleet.models import Operation
from fleet.models import Step as Row
from fleet.operations import ledger
from fleet.operations.base import KINDS, Facts, Kind, LostLease, NotYet, Step
from wopr.common.audit.context import because
from wopr.common.correlation import correlation
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
Seen = TypeVar("Seen")
MAX_ATTEMPTS = 12
LONGEST_WAIT = 60.0  # seconds between two tries
_FIRST_LOOK, _SLOWEST_LOOK = 0.02, 0.5  # seconds between two looks while waiting in the worker


def run(operation_id: UUID) -> None:
    """Takes the operation as far as it goes now. Returns at once when another worker has it."""
    held = ledger.claim(operation_id)
    if held is None:
        return
    operation = held.operation()
    with correlation(operation.correlation_id), _lease_kept(held):
        because(operation.cause)
        try:
            _advance(held)
        except LostLease as lost:
            logger.warning("%s", lost)


def _advance(held: ledger.Claim) -> None:
    while True:
        operation = held.operation()
        kind = KINDS[operation.kind]
        undoing = operation.state == Operation.State.UNDOING
        row = ledger.next_step(operation)
        if row is None:
            return _finish(held, kind, operation, failed=undoing)
        go_on = _undo(held, kind, row) if undoing else _do(held, kind, row)
        if not go_on:
            return None


def _finish(held: ledger.Claim, kind: Kind[Any], operation: Operation, *, failed: bool) -> None:
    subject = kind.load(operation.subject_id) if failed else None
    ledger.finish(held, failed=failed, then=(lambda: kind.failed(subject)) if failed else None)
    logger.info("operation %s (%s) has ended", operation.pk, operation.kind)


def _do(held: ledger.Claim, kind: Kind[Any], row: Row) -> bool:
    """One try of one step. Tells whether the next step may follow at once."""
    step = kind.step(row.name)
    if row.attempts >= MAX_ATTEMPTS:
        return _give_up(held, kind, row, row.message or "gave up")
    ledger.step_begin(held, row)
    subject = kind.load(row.operation.subject_id)
    try:
        facts = carry_out(step, subject)
    except NotYet as wait:
        return _not_yet(held, kind, row, wait)
    except ProviderError as error:
        return _failed(held, kind, row, error)
    except Exception as error:  # a defect of ours: tried again, and seen
        logger.exception("step %s broke", row.name)
        return _failed(held, kind, row, ProviderError(f"{type(error).__name__}: {error}"))
    ledger.step_done(held, row, facts, lambda: step.record(subject, facts))
    return True


def carry_out(step: Step[Any], subject: Any) -> Facts:
    """Looks whether the work is done, does it, and looks again. Raises NotYet if it is not seen."""
    with suppress(NotYet):
        return _see(step, subject)
    step.act(subject)
    return _patiently(step, lambda: _see(step, subject))


def _see(step: Step[Any], subject: Any) -> Facts:
    """What is seen now. Raises NotYet if nothing is."""
    facts = step.observe(subject)
    if facts is None:
        raise NotYet(f"{step.title}: not seen yet")
    return facts


def _patiently(step: Step[Any], attempt: Callable[[], Seen]) -> Seen:
    """Tries again and again for as long as the step has patience; raises NotYet after that."""
    end, pause = time.monotonic() + step.patience, _FIRST_LOOK
    while True:
        try:
            return attempt()
        except NotYet:
            if time.monotonic() + pause > end:
                raise
        time.sleep(pause)
        pause = min(pause * 1.2, _SLOWEST_LOOK)


def _not_yet(held: ledger.Claim, kind: Kind[Any], row: Row, wait: NotYet) -> bool:
    waited = (timezone.now() - row.started_at).total_seconds() if row.started_at else 0.0
    if waited > kind.step(row.name).deadline:
        return _give_up(held, kind, row, f"{wait} after {waited:.0f} s")
    ledger.step_wait(held, row, str(wait), wait.retry_in, in_order=True)
    return False


def _failed(held: ledger.Claim, kind: Kind[Any], row: Row, error: ProviderError) -> bool:
    if error.permanent or row.attempts >= MAX_ATTEMPTS:
        return _give_up(held, kind, row, str(error))
    logger.warning("step %s failed, try %s: %s", row.name, row.attempts, error)
    wait = error.retry_after or _backoff(row.attempts)
    ledger.step_wait(held, row, str(error), wait, in_order=False)
    return False


def _give_up(held: ledger.Claim, kind: Kind[Any], row: Row, message: str) -> bool:
    """Goes on without the step, undoes the operation, or ends it where it stands."""
    essential = kind.step(row.name).essential
    ledger.step_give_up(held, row, message, undo=essential and kind.undoes)
    if essential and not kind.undoes:
        _finish(held, kind, held.operation(), failed=True)
        return False
    return True


def _backoff(attempts: int) -> float:
    return float(min(2 ** (attempts - 1), LONGEST_WAIT))


def _undo(held: ledger.Claim, kind: Kind[Any], row: Row) -> bool:
    """One try of undoing one step; what cannot be undone becomes a leak."""
    step = kind.step(row.name)
    subject = kind.load(row.operation.subject_id)
    if row.attempts >= MAX_ATTEMPTS:
        price = step.price_per_day(subject)
        ledger.step_leaked(held, row, step.resource(subject), row.message, price)
        return True
    ledger.step_begin(held, row)
    try:
        _patiently(step, lambda: step.undo(subject))
    except Exception as error:  # whatever it is, it must not stop the undoing of the rest
        logger.exception("undoing %s failed, try %s", row.name, row.attempts)
        ledger.step_wait(held, row, str(error), _backoff(row.attempts), in_order=False)
        return False
    ledger.step_undone(held, row)
    return True


@contextmanager
def _lease_kept(held: ledger.Claim) -> Iterator[None]:
    """Renews the lease from a thread of its own, since a step may outlast it."""
    over = threading.Event()

    def keep() -> None:
        try:
            while not over.wait(settings.WOPR_OPERATION_LEASE_SECONDS / 3):
                if not held.renew():
                    return
        finally:
            connection.close()

    keeper = threading.Thread(target=keep, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
