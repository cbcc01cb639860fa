"""Worker room: counts uses once, adds them up by day, and tells Stripe's meters once."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from uuid import UUID

from django.db import connection
from django.db.models import F, Sum
from django.utils import timezone
from djstripe.models import Customer

from billing.gateways import stripe_meters
from billing.models import (
    CAPPABLE,
    Entitlement,
    IncludedUsage,
    Meter,
    UsageCap,
    UsageDay,
    UsageEvent,
)
from wopr.common.errors import ProviderError
from wopr.common.locks import session_lock

logger = logging.getLogger(__name__)
LONGEST_WAIT = timedelta(hours=6)
BATCH = 500


@dataclass(frozen=True)
class Use:
    """One use as whoever saw it tells it; `event_id` is the same at every telling."""

    event_id: str
    tenant_id: UUID
    meter: Meter
    quantity: int
    happened_at: datetime


@dataclass(frozen=True)
class MeterStanding:
    """A tenant's month on one meter."""

    meter: Meter
    used: int
    included: int
    cap: int | None

    @property
    def cappable(self) -> bool:
        return self.meter in CAPPABLE

    @property
    def left(self) -> int | None:
        """How much may still be used this month; None without a cap."""
        return None if self.cap is None else max(self.cap - self.used, 0)


def usage_record(uses: Iterable[Use]) -> int:
    """Stores the uses that are new and adds them to their days. Returns how many were new."""
    # Always in the same order, so that nobody blocks anybody for ever.
    told = sorted(uses, key=lambda use: use.event_id)
    if not told:
        return 0
    columns = zip(
        *((u.event_id, u.tenant_id, u.meter, u.quantity, u.happened_at) for u in told), strict=True
    )
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, [list(column) for column in columns])
        return int(cursor.fetchone()[0])


# One statement: half of it is never done, and it costs one way to the database.
_RECORD = """
    WITH fresh AS (
        INSERT INTO billing_usageevent (event_id, tenant_id, meter, quantity, happened_at,
                                        recorded_at, next_attempt_at, attempts, error)
        SELECT told.*, now(), now(), 0, ''
        FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::timestamptz[]) AS told
        ON CONFLICT (event_id) DO NOTHING
        RETURNING tenant_id, meter, (happened_at AT TIME ZONE 'UTC')::date AS day, quantity
    ), added_up AS (
        INSERT INTO billing_usageday AS known (tenant_id, meter, day, quantity)
        SELECT tenant_id, meter, day, sum(quantity)
        FROM fresh GROUP BY tenant_id, meter, day ORDER BY tenant_id, meter, day
        ON CONFLICT ON CONSTRAINT one_row_per_day
        DO UPDATE SET quantity = known.quantity + excluded.quantity
    )
    SELECT count(*) FROM fresh
"""


def month_of(tenant_id: UUID, *, today: date | None = None) -> list[MeterStanding]:
    """Every meter's standing in the calendar month (UTC) of `today`."""
    first = (today or timezone.now().date()).replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    used = dict(
        UsageDay.objects.filter(tenant_id=tenant_id, day__gte=first, day__lt=after)
        .values_list("meter")
        .annotate(sum=Sum("quantity"))
    )
    plan_id = Entitlement.objects.filter(tenant_id=tenant_id).values_list("plan", flat=True).first()
    included = dict(IncludedUsage.objects.filter(plan=plan_id).values_list("meter", "quantity"))
    capped = UsageCap.objects.filter(tenant_id=tenant_id, meter__in=CAPPABLE)
    caps = dict(capped.values_list("meter", "limit"))
    return [
        MeterStanding(meter, used.get(meter, 0), included.get(meter, 0), caps.get(meter))
        for meter in Meter
    ]


def days_of(tenant_id: UUID, *, since: date) -> Sequence[UsageDay]:
    return list(UsageDay.objects.filter(tenant_id=tenant_id, day__gte=since))


def usage_report(*, limit: int = BATCH) -> int:
    """Tells Stripe what it does not know yet, oldest first. Returns how many it took.

    One worker at a time; a failure keeps the event, with its reason, for a later try.
    """
    with session_lock("billing:usage-report"):
        due = UsageEvent.objects.filter(
            reported_at__isnull=True, next_attempt_at__lte=timezone.now()
        ).order_by("happened_at")[:limit]
        if not due:
            return 0
        meters_ensure()
        customers = dict(
            Customer.objects.filter(subscriber__in={e.tenant_id for e in due}).values_list(
                "subscriber", "id"
            )
        )
        return sum(_report_one(event, customers.get(event.tenant_id)) for event in due)


@cache
def meters_ensure() -> None:
    """Creates at Stripe, once in a process, the meters that it does not have; removes none."""
    present = stripe_meters.meter_names()
    for meter in Meter:
        if meter.value not in present:
            stripe_meters.meter_create(event_name=meter.value, display_name=str(meter.label))


def _report_one(event: UsageEvent, customer_id: str | None) -> bool:
    if customer_id is None:
        _later(event, "the tenant has no customer at Stripe")
        return False
    try:
        stripe_meters.report(
            event_name=event.meter,
            identifier=event.event_id,
            customer_id=customer_id,
            value=event.quantity,
            at=event.happened_at,
        )
    except ProviderError as error:
        _later(event, str(error))
        return False
    UsageEvent.objects.filter(pk=event.pk).update(reported_at=timezone.now(), error="")
    return True


def _later(event: UsageEvent, reason: str) -> None:
    wait = min(timedelta(seconds=30 * 2 ** min(event.attempts, 12)), LONGEST_WAIT)
    UsageEvent.objects.filter(pk=event.pk).update(
        attempts=F("attempts") + 1, error=reason, next_attempt_at=timezone.now() + wait
    )
    logger.warning("usage %s is told later: %s", event.pk, reason)
