"""Selector: a bot's samples as a chart wants them: evenly spaced, with rates for counters."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any

from django.db.models import Avg, Max
from django.db.models.functions import Extract, Floor
from django.utils import timezone

from fleet.models import Instance

Row = dict[str, Any]
POINTS = 240  # at most; more than a chart shows
FINEST = 30  # seconds between two readings; every step is a multiple of it


@dataclass(frozen=True)
class Point:
    """The mean of a stretch of time; rates are bytes a second."""

    at: datetime
    cpu_millis: int
    memory: int
    received_rate: int
    sent_rate: int
    disk: int | None


@dataclass(frozen=True)
class Reading:
    """What one bot used since a moment; a stretch without a sample has no point."""

    since: datetime
    step: int  # seconds between two points
    points: list[Point]


def reading_of(instance: Instance, *, since: datetime) -> Reading:
    span = (timezone.now() - since).total_seconds()
    step = FINEST * max(1, ceil(span / (FINEST * POINTS)))
    stretches: Any = (
        instance.samples.filter(taken_at__gte=since)
        .annotate(stretch=Floor(Extract("taken_at", "epoch") / step))
        .values("stretch")
        .annotate(
            cpu=Avg("cpu_millis"),
            mean=Avg("memory"),
            last=Max("taken_at"),
            received=Max("received"),
            sent=Max("sent"),
            disk=Max("disk"),
        )
        .order_by("stretch")
    )
    points: list[Point] = []
    before: Row | None = None
    for row in stretches:
        points.append(_point(row, before, step))
        before = row
    return Reading(since=since, step=step, points=points)


def _point(row: Row, before: Row | None, step: int) -> Point:
    return Point(
        at=datetime.fromtimestamp(int(row["stretch"]) * step, tz=UTC),
        cpu_millis=round(row["cpu"]),
        memory=round(row["mean"]),
        received_rate=_rate("received", row, before),
        sent_rate=_rate("sent", row, before),
        disk=row["disk"],
    )


def _rate(counter: str, row: Row, before: Row | None) -> int:
    """Bytes a second since the stretch before; a counter that went back began anew."""
    if before is None:
        return 0
    moved: int = row[counter] - (before[counter] if row[counter] >= before[counter] else 0)
    seconds: float = (row["last"] - before["last"]).total_seconds()
    return round(moved / max(seconds, 1.0))
