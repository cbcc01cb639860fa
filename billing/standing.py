"""Selector: whether a tenant's service runs, is suspended or ends, and when that changes.

The one grace policy: a payment fails, reminders go out, after WOPR_GRACE_DAYS the service is
suspended, and WOPR_RETENTION_DAYS later it ends, also if Stripe gives up meanwhile. A subscription
that was cancelled suspends at once. Holds suspend whatever was paid, and end nothing; what has
ended at Stripe ends under them too, and so does a tenant whose deletion has begun, apart from a
ban, which keeps what may be evidence. A reprieve stops the clock of an unpaid tenant.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.models import Entitlement, Hold, Reprieve
from tenants.models import Deletion


class Service(models.TextChoices):
    RUN = "run"
    SUSPEND = "suspend"
    END = "end"


@dataclass(frozen=True)
class Standing:
    """What the service should be now, why, and when the clock changes it if nobody pays."""

    service: Service
    reason: str = ""
    bots: int = 0
    suspends_at: datetime | None = None
    ends_at: datetime | None = None


# The reason of a standing that nobody pays or argues away.
DELETION = "deletion"
_PAID = (Entitlement.Status.ACTIVE, Entitlement.Status.TRIALING)


def standing_of(
    entitlement: Entitlement,
    *,
    holds: Iterable[Hold],
    reprieved: bool,
    now: datetime,
    leaving: bool = False,
) -> Standing:
    """Decides from rows alone; pure, so that every boundary can be tested by its dates."""
    clock = _payment_clock(entitlement, reprieved=reprieved, now=now)
    reasons = sorted({hold.reason for hold in holds})
    if leaving and Hold.Reason.BAN not in reasons:
        return Standing(Service.END, DELETION, entitlement.bots)
    if not reasons:
        return clock
    held = Standing(Service.SUSPEND, ", ".join(reasons), entitlement.bots)
    if entitlement.subscribed or Hold.Reason.BAN in reasons:
        return held
    service = Service.END if clock.service == Service.END else Service.SUSPEND
    return replace(held, service=service, ends_at=clock.ends_at)


def _payment_clock(entitlement: Entitlement, *, reprieved: bool, now: datetime) -> Standing:
    """What the payments alone make of a service."""
    if entitlement.status in _PAID or entitlement.lapsed_at is None:
        return Standing(Service.RUN, "", entitlement.bots)
    grace = settings.WOPR_GRACE_DAYS if entitlement.in_arrears else 0
    suspends_at = entitlement.lapsed_at + timedelta(days=grace)
    ends_at = suspends_at + timedelta(days=settings.WOPR_RETENTION_DAYS)
    if reprieved or now < suspends_at:
        service = Service.RUN
    else:
        service = Service.SUSPEND if now < ends_at else Service.END
    return Standing(service, "payment", entitlement.bots, suspends_at, ends_at)


def standings(*, tenant_ids: Iterable[UUID] | None = None) -> dict[UUID, Standing]:
    """The standing of every tenant that ever had an entitlement, in four queries."""
    now = timezone.now()
    among = Q() if tenant_ids is None else Q(tenant_id__in=list(tenant_ids))
    holds: dict[UUID, list[Hold]] = {}
    for hold in Hold.objects.filter(among, lifted_at__isnull=True):
        holds.setdefault(hold.tenant_id, []).append(hold)
    running = Q(until__isnull=True) | Q(until__gt=now)
    reprieved = set(
        Reprieve.objects.filter(among, running, revoked_at__isnull=True).values_list(
            "tenant_id", flat=True
        )
    )
    leaving = set(Deletion.objects.begun().filter(among).values_list("tenant_id", flat=True))
    return {
        entitlement.tenant_id: standing_of(
            entitlement,
            holds=holds.get(entitlement.tenant_id, ()),
            reprieved=entitlement.tenant_id in reprieved,
            now=now,
            leaving=entitlement.tenant_id in leaving,
        )
        for entitlement in Entitlement.objects.filter(among)
    }


def standing_for(tenant_id: UUID) -> Standing:
    """One tenant's; a tenant without an entitlement has nothing to run."""
    return standings(tenant_ids=[tenant_id]).get(tenant_id, Standing(Service.SUSPEND, "no plan"))
