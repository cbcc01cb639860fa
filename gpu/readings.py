"""Selector: how a service did, in the even stretches of time that a chart wants."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Avg, Case, FloatField, Value, When
from django.db.models.functions import Extract, Floor

from gpu.models import Service

STRETCH = 300  # seconds


@dataclass(frozen=True)
class Stretch:
    """`ready` is the share of probes, in percent, that found the service so."""

    at: datetime
    ready: float
    latency_ms: float | None


def stretches_of(service: Service, *, since: datetime) -> list[Stretch]:
    """A stretch in which nobody looked is left out."""
    hundred = When(state=Service.State.READY, then=Value(100.0))
    rows: Any = (
        service.samples.filter(taken_at__gte=since)
        .annotate(stretch=Floor(Extract("taken_at", "epoch") / STRETCH))
        .values("stretch")
        .annotate(
            ready=Avg(Case(hundred, default=Value(0.0), output_field=FloatField())),
            latency=Avg("latency_ms"),
        )
        .order_by("stretch")
    )
    return [
        Stretch(
            datetime.fromtimestamp(int(row["stretch"]) * STRETCH, tz=UTC),
            row["ready"],
            row["latency"],
        )
        for row in rows
    ]
