"""The mass-action breaker: few may be hit without a person's word, and never everybody."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from wopr.common import breaker
from wopr.common.models import Breaker

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limits(settings: object) -> None:
    settings.WOPR_BREAKER_COUNT, settings.WOPR_BREAKER_PERCENT = 20, 10  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("tenants", "allowed"), [(1, 3), (30, 3), (31, 4), (100, 10), (200, 20), (5000, 20)]
)
def test_the_smaller_of_number_and_share_is_allowed_and_never_less_than_three(
    tenants: int, allowed: int
) -> None:
    assert breaker.allowance(tenants=tenants) == allowed


def test_what_is_allowed_passes_and_leaves_no_row() -> None:
    assert breaker.admits(action="suspend", wanted=10, lately=0, tenants=100)
    assert not Breaker.objects.exists()


def test_what_went_before_within_the_hour_counts() -> None:
    assert not breaker.admits(action="suspend", wanted=5, lately=6, tenants=100)


def test_a_trip_says_what_would_have_happened() -> None:
    assert not breaker.admits(action="suspend", wanted=80, lately=0, tenants=100)
    row = Breaker.objects.get(action="suspend")
    assert "80 of 100 tenants" in row.message
    assert "10 are allowed" in row.message


def test_a_persons_word_lets_it_go_on_for_an_hour_and_only_this_action() -> None:
    breaker.admits(action="suspend", wanted=80, lately=0, tenants=100)
    breaker.approve(action="suspend", by="staff@example.com")
    assert breaker.admits(action="suspend", wanted=80, lately=0, tenants=100)
    assert not breaker.admits(action="terminate", wanted=80, lately=0, tenants=100)
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        assert not breaker.admits(action="suspend", wanted=80, lately=0, tenants=100)
