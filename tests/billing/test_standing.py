"""The one grace policy, boundary by boundary: who runs, who is suspended, whose service ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.models import Entitlement, Hold
from billing.standing import Service, standing_of

LAPSED = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(seconds=1)
Status = Entitlement.Status


@pytest.fixture(autouse=True)
def policy(settings: object) -> None:
    settings.WOPR_GRACE_DAYS, settings.WOPR_RETENTION_DAYS = 7, 30  # type: ignore[attr-defined]


def standing(
    status: Status,
    at: datetime,
    *,
    holds: tuple[Hold, ...] = (),
    kept: bool = False,
    ended_at: datetime | None = None,
) -> Service:
    entitlement = Entitlement(status=status, lapsed_at=LAPSED, ended_at=ended_at, bots=1)
    return standing_of(entitlement, holds=holds, reprieved=kept, now=at).service


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.TRIALING])
def test_who_has_paid_runs_whatever_was_before(status: Status) -> None:
    assert standing(status, LAPSED + timedelta(days=3650)) == Service.RUN


@pytest.mark.parametrize("status", [Status.PAST_DUE, Status.UNPAID])
def test_a_failed_payment_has_its_days_of_grace_and_then_its_retention(status: Status) -> None:
    assert standing(status, LAPSED + timedelta(days=7) - MOMENT) == Service.RUN
    assert standing(status, LAPSED + timedelta(days=7)) == Service.SUSPEND
    assert standing(status, LAPSED + timedelta(days=37) - MOMENT) == Service.SUSPEND
    assert standing(status, LAPSED + timedelta(days=37)) == Service.END


@pytest.mark.parametrize("status", [Status.CANCELED, Status.INCOMPLETE_EXPIRED, Status.PAUSED])
def test_what_has_ended_is_suspended_at_once_and_kept_for_the_retention(status: Status) -> None:
    assert standing(status, LAPSED) == Service.SUSPEND
    assert standing(status, LAPSED + timedelta(days=30) - MOMENT) == Service.SUSPEND
    assert standing(status, LAPSED + timedelta(days=30)) == Service.END


@pytest.mark.parametrize("after", [timedelta(hours=1), timedelta(days=20)])
def test_when_stripe_gives_up_no_clock_changes(after: timedelta) -> None:
    given_up = LAPSED + after

    def at(days: int) -> Service:
        return standing(Status.CANCELED, LAPSED + timedelta(days=days), ended_at=given_up)

    assert (at(6), at(7), at(36), at(37)) == (
        Service.RUN,
        Service.SUSPEND,
        Service.SUSPEND,
        Service.END,
    )


@pytest.mark.parametrize("reason", Hold.Reason.values)
def test_a_hold_suspends_who_has_paid(reason: str) -> None:
    assert standing(Status.ACTIVE, LAPSED, holds=(Hold(reason=reason),)) == Service.SUSPEND


@pytest.mark.parametrize("reason", Hold.Reason.values)
@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAST_DUE, Status.UNPAID])
def test_a_hold_never_ends_a_service_by_itself(status: Status, reason: str) -> None:
    late = LAPSED + timedelta(days=3650)
    assert standing(status, late, holds=(Hold(reason=reason),)) == Service.SUSPEND


@pytest.mark.parametrize("reason", ["chargeback", "refund", "staff"])
def test_what_has_ended_at_stripe_ends_under_a_hold_too(reason: str) -> None:
    held = (Hold(reason=reason),)
    end = LAPSED + timedelta(days=30)
    assert standing(Status.CANCELED, end - MOMENT, holds=held) == Service.SUSPEND
    assert standing(Status.CANCELED, end, holds=held) == Service.END
    assert standing(Status.CANCELED, end, holds=held, kept=True) == Service.SUSPEND


def test_a_ban_keeps_what_may_be_evidence() -> None:
    late = LAPSED + timedelta(days=3650)
    holds = (Hold(reason="refund"), Hold(reason="ban"))
    assert standing(Status.CANCELED, late, holds=holds) == Service.SUSPEND


def test_a_reprieve_stops_the_clock_of_who_has_not_paid() -> None:
    late = LAPSED + timedelta(days=300)
    assert standing(Status.PAST_DUE, late, kept=True) == Service.RUN


def test_the_dates_are_told_before_they_come() -> None:
    entitlement = Entitlement(status=Status.PAST_DUE, lapsed_at=LAPSED)
    told = standing_of(entitlement, holds=(), reprieved=False, now=LAPSED)
    assert told.suspends_at == LAPSED + timedelta(days=7)
    assert told.ends_at == LAPSED + timedelta(days=37)


@given(st.sampled_from(sorted(set(Status.values) - {"active", "trialing"})), st.data())
def test_time_alone_never_makes_a_standing_better(status: str, data: st.DataObject) -> None:
    days = st.integers(min_value=0, max_value=4000)
    sooner, later = sorted((data.draw(days), data.draw(days)))
    worse = [Service.RUN, Service.SUSPEND, Service.END].index
    first = standing(Status(status), LAPSED + timedelta(days=sooner))
    second = standing(Status(status), LAPSED + timedelta(days=later))
    assert worse(first) <= worse(second)
