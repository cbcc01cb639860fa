"""Opening, claiming, and writing under a claim: one live operation, one holder, no lost truth."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from fleet.models import Leak, Operation, Step
from fleet.operations import ledger
from fleet.operations.base import LostLease
from fleet.operations.ledger import Claim
from tests.fleet.toys import Toy, make_due
from wopr.common.correlation import correlation
from wopr.common.errors import Refused


def claimed(operation: Operation) -> Claim:
    held = ledger.claim(operation.pk)
    assert held is not None
    return held


def first_step(operation: Operation) -> Step:
    step = ledger.next_step(operation)
    assert step is not None
    return step


def test_an_operation_is_opened_with_all_its_steps_in_order(toy: Toy) -> None:
    operation = toy.open(cause="stripe event")

    assert operation.state == Operation.State.QUEUED
    assert operation.cause == "stripe event"
    assert [(s.position, s.name, s.state) for s in operation.steps.all()] == [
        (1, "first", "pending"),
        (2, "second", "pending"),
        (3, "third", "pending"),
    ]


def test_an_operation_carries_the_correlation_id_of_its_cause(toy: Toy) -> None:
    with correlation("evt-0123456789"):
        assert toy.open().correlation_id == "evt-0123456789"


def test_an_operation_without_a_cause_that_had_an_id_gets_a_new_one(toy: Toy) -> None:
    assert len(toy.open().correlation_id) == 32


def test_a_second_operation_on_the_same_subject_is_refused_in_words(toy: Toy) -> None:
    toy.open()

    with pytest.raises(Refused, match="Another operation on alice-co is under way") as refusal:
        toy.open()

    assert (refusal.value.code, refusal.value.status) == ("operation_live", 409)
    assert Operation.objects.count() == 1


@pytest.mark.parametrize("state", ["queued", "running", "undoing"])
def test_the_database_itself_holds_a_subject_to_one_live_operation(toy: Toy, state: str) -> None:
    operation = toy.open()
    Operation.objects.filter(pk=operation.pk).update(state=state)

    with (
        pytest.raises(IntegrityError, match="one_live_operation_per_subject"),
        transaction.atomic(),
    ):
        Operation.objects.create(
            kind="toy",
            subject_kind="toy",
            subject_id=toy.tenant.pk,
            cause="around the ledger",
            correlation_id="0123456789",
        )


def test_once_an_operation_has_ended_another_may_be_opened(toy: Toy) -> None:
    ledger.finish(claimed(toy.open()), failed=False)

    assert toy.open().is_live


def test_opening_is_part_of_the_callers_transaction(toy: Toy) -> None:
    with transaction.atomic():
        toy.open()
        transaction.set_rollback(True)

    assert not Operation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_twenty_workers_that_claim_at_once_one_wins(toy: Toy) -> None:
    operation, together = toy.open(), threading.Barrier(20)

    def try_to_claim(_: int) -> Claim | None:
        together.wait(timeout=30)
        try:
            return ledger.claim(operation.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=20) as workers:
        winners = [claim for claim in workers.map(try_to_claim, range(20)) if claim]

    assert winners == [Claim(operation.pk, fence=1)]
    operation.refresh_from_db()
    assert (operation.attempts, operation.state) == (1, Operation.State.RUNNING)


def test_what_is_held_is_not_claimed_again_before_the_lease_runs_out(toy: Toy) -> None:
    operation = toy.open()
    claimed(operation)

    assert ledger.claim(operation.pk) is None


def test_what_is_not_due_yet_is_not_claimed(toy: Toy) -> None:
    operation = toy.open()
    later = timezone.now() + timedelta(seconds=30)
    Operation.objects.filter(pk=operation.pk).update(next_attempt_at=later)

    assert ledger.claim(operation.pk) is None


def test_what_has_ended_is_not_claimed(toy: Toy) -> None:
    operation = toy.open()
    ledger.finish(claimed(operation), failed=False)

    assert ledger.claim(operation.pk) is None


def test_a_lease_that_ran_out_goes_to_another_worker_with_a_higher_fence(toy: Toy) -> None:
    operation = toy.open()
    first = claimed(operation)
    make_due(operation)

    second = claimed(operation)

    assert second.fence == first.fence + 1
    assert second.renew()
    assert not first.renew()


Write = Callable[[Claim, Step], None]


def never() -> None:
    raise AssertionError("written under a claim that was lost")


WRITES: dict[str, Write] = {
    "begin": ledger.step_begin,
    "done": lambda held, step: ledger.step_done(held, step, {"made": "late"}, never),
    "wait": lambda held, step: ledger.step_wait(held, step, "late", 1, in_order=False),
    "give up": lambda held, step: ledger.step_give_up(held, step, "late", undo=True),
    "undone": ledger.step_undone,
    "leaked": lambda held, step: ledger.step_leaked(held, step, "a thing", "late"),
    "finish": lambda held, _: ledger.finish(held, failed=False, then=never),
}


def rows(operation: Operation) -> list[object]:
    return [
        list(Operation.objects.filter(pk=operation.pk).values()),
        list(Step.objects.filter(operation=operation).values()),
        list(Leak.objects.values()),
    ]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_worker_that_lost_its_lease_to_another_changes_nothing(toy: Toy, write: Write) -> None:
    operation = toy.open()
    lost = claimed(operation)
    make_due(operation)
    claimed(operation)
    before = rows(operation)

    with pytest.raises(LostLease, match="is held by another worker"):
        write(lost, first_step(operation))

    assert rows(operation) == before


def test_a_worker_whose_operation_another_has_ended_changes_nothing(toy: Toy) -> None:
    operation = toy.open()
    lost = claimed(operation)
    make_due(operation)
    ledger.finish(claimed(operation), failed=False)
    before = rows(operation)

    with pytest.raises(LostLease):
        ledger.step_begin(lost, first_step(operation))

    assert rows(operation) == before


VISIBLE = {**WRITES, "done": lambda held, step: ledger.step_done(held, step, {}, int)}
VISIBLE["finish"] = lambda held, _: ledger.finish(held, failed=False)


@pytest.mark.parametrize("write", VISIBLE.values(), ids=VISIBLE)
def test_each_visible_change_raises_the_revision_by_one(toy: Toy, write: Write) -> None:
    operation = toy.open()
    held = claimed(operation)
    before = held.operation().revision

    write(held, first_step(operation))

    assert held.operation().revision == before + 1


def test_to_renew_a_lease_is_not_a_visible_change(toy: Toy) -> None:
    held = claimed(toy.open())
    before = held.operation()

    held.renew()

    after = held.operation()
    assert after.revision == before.revision
    assert after.lease_until
    assert before.lease_until
    assert after.lease_until > before.lease_until


def test_a_record_that_fails_leaves_its_step_undone_in_the_same_breath(toy: Toy) -> None:
    operation = toy.open()
    held = claimed(operation)
    before = rows(operation)

    def fail() -> None:
        raise RuntimeError("the subject cannot be written")

    with pytest.raises(RuntimeError):
        ledger.step_done(held, first_step(operation), {"made": "half"}, fail)

    assert rows(operation) == before
