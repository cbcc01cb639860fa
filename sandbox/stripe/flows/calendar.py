"""Billing periods: the same day of the month as the anchor, or the last one there is."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

from sandbox.types import Json


def boundary(anchor: int, recurring: Json, periods: int) -> int:
    """Return the moment so many periods after the anchor."""
    start = datetime.fromtimestamp(anchor, UTC)
    count = recurring["interval_count"] * periods
    interval = recurring["interval"]
    if interval in ("day", "week"):
        days = count * (7 if interval == "week" else 1)
        return int((start + timedelta(days=days)).timestamp())
    return int(_months_later(start, count * (12 if interval == "year" else 1)).timestamp())


def _months_later(start: datetime, months: int) -> datetime:
    year, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + year, month + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    return start.replace(year=year, month=month, day=day)


def next_boundary(anchor: int, recurring: Json, after: int) -> int:
    """Return the first boundary later than a moment."""
    periods = 0
    while boundary(anchor, recurring, periods) <= after:
        periods += 1
    return boundary(anchor, recurring, periods)
