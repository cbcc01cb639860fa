"""What cannot go on is undone in reverse; what cannot be undone goes on the books."""

from fleet.models import Leak, Operation, Step
from fleet.operations.runner import MAX_ATTEMPTS
from tests.fleet.toys import AWAY, FOR_GOOD, Toy, raising, ran, row


def test_what_fails_for_good_is_undone_in_reverse(toy: Toy) -> None:
    toy.third.on_act = raising(FOR_GOOD)

    operation = ran(toy.open())

    assert operation.state == Operation.State.FAILED
    assert operation.error == "third: the vendor refuses"
    assert toy.world.journal[-3:] == ["undo third", "undo second", "undo first"]
    assert toy.world.things == set()
    assert toy.world.failed == [toy.tenant]
    assert {s.state for s in operation.steps.all()} == {Step.State.UNDONE}


def test_what_was_never_begun_is_not_undone(toy: Toy) -> None:
    toy.second.on_act = raising(FOR_GOOD)

    operation = ran(toy.open())

    assert "undo third" not in toy.world.journal
    assert row(operation, "third").state == Step.State.PENDING


def test_what_keeps_failing_is_given_up_and_undone(toy: Toy) -> None:
    toy.second.on_act = raising(AWAY)

    operation = ran(toy.open(), times=MAX_ATTEMPTS)

    assert operation.state == Operation.State.FAILED
    assert toy.world.journal.count("act second") == MAX_ATTEMPTS
    assert toy.world.things == set()


def test_an_undo_that_fails_is_tried_again(toy: Toy) -> None:
    toy.third.on_act = raising(FOR_GOOD)
    toy.second.on_undo = raising(AWAY, None)

    operation = ran(toy.open())
    assert operation.state == Operation.State.UNDOING
    ran(operation)

    assert operation.state == Operation.State.FAILED
    assert toy.world.things == set()
    assert not Leak.objects.exists()


def test_what_cannot_be_undone_goes_on_the_books_and_the_rest_is_undone(toy: Toy) -> None:
    toy.third.on_act = raising(FOR_GOOD)
    toy.second.on_undo = raising(AWAY)

    operation = ran(toy.open(), times=MAX_ATTEMPTS + 1)

    assert operation.state == Operation.State.FAILED
    assert toy.world.journal.count("undo second") == MAX_ATTEMPTS
    assert toy.world.things == {"second"}
    leak = Leak.objects.get()
    assert (leak.operation, leak.step) == (operation, "second")
    assert leak.resource == "second of alice-co"
    assert leak.reason == "the vendor is away"
    assert leak.resolved_at is None


def test_a_kind_that_is_not_undone_ends_where_it_stands(toy: Toy) -> None:
    toy.kind_that_is_not_undone()
    toy.second.on_act = raising(FOR_GOOD)

    operation = ran(toy.open())

    assert operation.state == Operation.State.FAILED
    assert operation.error == "second: the vendor refuses"
    assert toy.world.things == {"first"}
    assert toy.world.failed == [toy.tenant]
    assert row(operation, "third").state == Step.State.PENDING
