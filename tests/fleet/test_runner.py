"""The runner: steps in order; it waits, tries again, and survives the death of workers."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from fleet.models import Operation, Step
from fleet.operations import ledger, runner
from fleet.operations.base import NotYet
from fleet.operations.runner import MAX_ATTEMPTS
from tests.fleet.toys import AWAY, FOR_GOOD, Toy, make_due, raising, ran, row
from tests.stack.processes import eventually
from wopr.common.correlation import correlation, current_id
from wopr.common.errors import ProviderError


class Death(BaseException):
    """What the end of a worker looks like from within: nothing catches it, nothing is written."""


def test_the_steps_are_taken_in_order_and_their_facts_recorded(toy: Toy) -> None:
    operation = ran(toy.open())

    assert operation.state == Operation.State.SUCCEEDED
    assert operation.finished_at
    assert operation.lease_until is None
    assert toy.world.journal == [
        "act first",
        "record first",
        "act second",
        "record second",
        "act third",
        "record third",
    ]
    assert [s.facts for s in operation.steps.all()] == [
        {"made": "first"},
        {"made": "second"},
        {"made": "third"},
    ]


def test_a_step_whose_work_is_found_done_is_recorded_and_not_done_again(toy: Toy) -> None:
    toy.world.things.add("first")

    ran(toy.open())

    assert "act first" not in toy.world.journal
    assert "record first" in toy.world.journal


def test_an_act_is_not_believed_until_its_work_is_seen(toy: Toy) -> None:
    toy.first.act = lambda tenant: None  # type: ignore[method-assign]

    operation = ran(toy.open())

    assert row(operation, "first").state == Step.State.WAITING
    assert operation.state == Operation.State.RUNNING


def test_steps_run_under_the_correlation_id_of_the_operation(toy: Toy) -> None:
    seen: list[str] = []
    toy.first.on_act = lambda: seen.append(current_id())
    with correlation("evt-0123456789"):
        operation = toy.open()

    ran(operation)

    assert seen == ["evt-0123456789"]
    assert current_id() == ""


def test_what_may_pass_is_tried_again_later_with_growing_waits(toy: Toy) -> None:
    toy.second.on_act = raising(AWAY)
    operation, waits = toy.open(), []

    for attempt in range(1, 9):
        ran(operation)
        assert row(operation, "second").attempts == attempt
        waits.append((operation.next_attempt_at - timezone.now()).total_seconds())

    assert [round(wait) for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert row(operation, "second").message == "the vendor is away"
    assert operation.lease_until is None


def test_what_waits_for_its_next_try_is_not_run_before(toy: Toy) -> None:
    toy.second.on_act = raising(AWAY, None)
    operation = ran(toy.open())

    runner.run(operation.pk)

    assert toy.world.journal.count("act second") == 1


def test_once_the_vendor_is_back_the_rest_is_done_and_nothing_twice(toy: Toy) -> None:
    toy.second.on_act = raising(AWAY, AWAY, None)

    operation = ran(toy.open(), times=3)

    assert operation.state == Operation.State.SUCCEEDED
    assert toy.world.journal.count("act first") == 1
    assert row(operation, "second").attempts == 0
    assert row(operation, "second").message == ""


def test_a_vendor_that_asks_for_a_wait_is_given_it(toy: Toy) -> None:
    toy.first.on_act = raising(ProviderError("too many requests", retry_after=45))

    operation = ran(toy.open())

    assert 44 < (operation.next_attempt_at - timezone.now()).total_seconds() <= 45


def test_a_defect_of_ours_is_tried_again_and_told(toy: Toy) -> None:
    toy.first.on_act = raising(KeyError("plan"), None)
    operation = ran(toy.open())
    assert row(operation, "first").message == "KeyError: 'plan'"

    assert ran(operation).state == Operation.State.SUCCEEDED


def test_what_is_not_essential_may_fail_and_the_rest_goes_on(toy: Toy) -> None:
    toy.second.essential = False  # type: ignore[misc]
    toy.second.on_act = raising(FOR_GOOD)

    operation = ran(toy.open())

    assert operation.state == Operation.State.SUCCEEDED
    assert row(operation, "second").state == Step.State.FAILED
    assert row(operation, "second").message == "the vendor refuses"
    assert toy.world.things == {"first", "third"}


def test_a_world_that_is_nearly_there_is_looked_at_again_within_the_same_try(toy: Toy) -> None:
    toy.first.patience = 5.0  # type: ignore[misc]
    toy.first.on_look = raising(NotYet("booting"), NotYet("booting"), NotYet("booting"), None)

    assert ran(toy.open()).state == Operation.State.SUCCEEDED


def test_a_world_that_takes_long_puts_the_operation_back_without_counting_a_failure(
    toy: Toy,
) -> None:
    toy.first.on_look = raising(NotYet("booting", retry_in=7))
    operation = toy.open()

    for _ in range(MAX_ATTEMPTS + 3):
        ran(operation)

    assert operation.state == Operation.State.RUNNING
    assert row(operation, "first").attempts == 0
    assert row(operation, "first").message == "booting"
    assert 6 < (operation.next_attempt_at - timezone.now()).total_seconds() <= 7


def test_a_world_that_is_not_there_by_the_deadline_has_failed(toy: Toy) -> None:
    toy.second.on_look = raising(NotYet("booting"))
    operation = ran(toy.open())
    long_ago = timezone.now() - timedelta(seconds=toy.second.deadline + 1)
    Step.objects.filter(operation=operation, name="second").update(started_at=long_ago)

    ran(operation)

    assert operation.state == Operation.State.FAILED
    assert operation.error.startswith("second: booting after 901 s")
    assert toy.world.things == set()


def test_a_step_that_kills_its_workers_is_given_up_in_the_end(toy: Toy) -> None:
    toy.second.on_act = raising(Death())
    operation = toy.open()

    for _ in range(MAX_ATTEMPTS):
        make_due(operation)
        with pytest.raises(Death):
            runner.run(operation.pk)
    ran(operation)

    assert operation.state == Operation.State.FAILED
    assert toy.world.journal.count("act second") == MAX_ATTEMPTS


def test_a_worker_that_dies_leaves_evidence_and_its_lease(toy: Toy) -> None:
    toy.second.on_act = raising(Death())
    operation = toy.open()

    with pytest.raises(Death):
        runner.run(operation.pk)

    operation.refresh_from_db()
    assert row(operation, "second").state == Step.State.RUNNING
    assert row(operation, "second").attempts == 1
    assert operation.lease_until
    assert operation.lease_until > timezone.now()


def test_a_worker_that_lost_its_lease_while_it_acted_records_nothing(toy: Toy) -> None:
    operation = toy.open()

    def another_worker_takes_over() -> None:
        make_due(operation)
        assert ledger.claim(operation.pk)

    toy.second.on_act = another_worker_takes_over

    runner.run(operation.pk)

    operation.refresh_from_db()
    assert "record second" not in toy.world.journal
    assert row(operation, "second").state == Step.State.RUNNING
    assert operation.fence == 2
    assert operation.lease_until


def test_a_worker_that_comes_second_does_nothing(toy: Toy) -> None:
    operation = toy.open()
    ledger.claim(operation.pk)

    runner.run(operation.pk)

    assert toy.world.journal == []


@pytest.mark.django_db(transaction=True)
def test_the_lease_of_a_long_step_is_prolonged_while_it_works(toy: Toy, settings: object) -> None:
    settings.WOPR_OPERATION_LEASE_SECONDS = 1  # type: ignore[attr-defined]
    operation, release = toy.open(), threading.Event()
    toy.first.on_act = lambda: assert_set(release)

    def work() -> None:
        try:
            runner.run(operation.pk)
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    began = timezone.now()
    eventually(lambda: lease_of(operation) > began + timedelta(seconds=2.5), "the lease to grow")
    assert ledger.claim(operation.pk) is None
    release.set()
    worker.join()

    operation.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED
    assert operation.fence == 1


def lease_of(operation: Operation) -> object:
    operation.refresh_from_db()
    return operation.lease_until or timezone.now()


def assert_set(event: threading.Event) -> None:
    assert event.wait(timeout=20)
