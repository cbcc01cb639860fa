"""Of several that could do something, one does; when it is silent, another takes over."""

import time

import pytest
from django.db import connection

from wopr.common.lease import Lease
from wopr.common.models import Heartbeat

pytestmark = pytest.mark.django_db


def lease(holder: str, seconds: float = 60) -> Lease:
    made = Lease("work", seconds=seconds)
    made.holder = holder
    return made


def test_the_first_has_it_and_the_second_stands_by() -> None:
    first, second = lease("first"), lease("second")
    assert (first.is_held(), second.is_held()) == (True, False)
    assert Heartbeat.objects.get(name="work").holder == "first"


def test_who_has_it_keeps_it() -> None:
    first, second = lease("first", 0.3), lease("second", 0.3)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        assert first.is_held()
        assert not second.is_held()


def test_a_silent_holder_loses_it() -> None:
    first, second = lease("first"), lease("second")
    assert first.is_held()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE common_heartbeat SET seen_at = seen_at - interval '2 minutes'")
    assert second.is_held()
    first._renew_at = 0
    assert not first.is_held()


def test_who_ends_in_order_hands_it_over_at_once() -> None:
    first, second = lease("first"), lease("second")
    assert first.is_held()
    first.release()
    assert second.is_held()


def test_who_does_not_have_it_cannot_give_it_away() -> None:
    first, second, third = lease("first"), lease("second"), lease("third")
    assert first.is_held()
    second.release()
    assert not third.is_held()
