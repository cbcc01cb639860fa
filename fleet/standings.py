"""Worker room: makes bots follow their tenant's standing: suspended, or brought back.

Level-triggered like all reconciling: it compares what the rows say with what the bots are. Who
is to be suspended for not paying is asked about at Stripe once more before anything is done.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from billing import entitlements, standing
from billing.models import Entitlement
from billing.standing import Service
from fleet.models import Instance, Operation
from fleet.operations import ledger
from wopr.common import breaker
from wopr.common.correlation import correlation, new_id
from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)
# An operation that failed is not opened again before this.
PAUSE = timedelta(minutes=10)
FRESH = timedelta(minutes=5)
_SUSPENDABLE = (Instance.Status.RUNNING, Instance.Status.STOPPED)
# Of a bot that failed nothing runs, so there is nothing to suspend first.
_ENDABLE = (Instance.Status.SUSPENDED, Instance.Status.FAILED)


@dataclass(frozen=True)
class Wish:
    """What one bot should be, and why."""

    instance: Instance
    service: Service
    reason: str


def follow(*, tenant_ids: Iterable[UUID] | None = None) -> list[Operation]:
    """Opens an operation for every bot that is not as its tenant stands."""
    wishes = _wishes(standing.standings(tenant_ids=tenant_ids))
    opened = [_open(_returning(wish), wish) for wish in wishes if _should_return(wish)]
    opened += _open_guarded("suspend", [wish for wish in wishes if _should_go(wish)])
    opened += _open_guarded("terminate", [wish for wish in wishes if _should_end(wish)])
    return [operation for operation in opened if operation is not None]


def _wishes(standings: dict[UUID, standing.Standing]) -> list[Wish]:
    """One for each bot that is idle; the oldest bots are those that the tenant pays for."""
    idle = set(_idle_instances(standings).values_list("pk", flat=True))
    alive = Instance.objects.filter(tenant_id__in=list(standings)).exclude(
        status=Instance.Status.TERMINATED
    )
    wishes: list[Wish] = []
    paid_for: Counter[UUID] = Counter()
    for instance in alive.select_related("tenant").order_by("created_at"):
        tenant = standings[instance.tenant_id]
        paid_for[instance.tenant_id] += 1
        if instance.pk not in idle:
            continue
        if instance.desired == Instance.Desired.DELETED and not _is_held(tenant):
            wishes.append(Wish(instance, Service.END, "deleted by its owner"))
        elif tenant.service == Service.RUN and paid_for[instance.tenant_id] > tenant.bots:
            wishes.append(Wish(instance, Service.SUSPEND, "more bots than are paid for"))
        else:
            wishes.append(Wish(instance, tenant.service, tenant.reason))
    return wishes


def _open_guarded(kind: str, wishes: list[Wish]) -> list[Operation | None]:
    """What hurts is opened only if the breaker admits it and Stripe still says so."""
    if not wishes or not _breaker_admits(kind, wishes):
        return []
    return [_open(kind, wish) for wish in wishes if _is_confirmed(wish)]


def _idle_instances(standings: dict[UUID, standing.Standing]) -> QuerySet[Instance]:
    """Bots with no operation now, and none that failed a moment ago."""
    unfinished = Q(finished_at__isnull=True)
    failed_lately = Q(state=Operation.State.FAILED, finished_at__gt=timezone.now() - PAUSE)
    busy = Operation.objects.filter(unfinished | failed_lately, subject_kind="instance")
    return Instance.objects.filter(tenant_id__in=list(standings)).exclude(
        pk__in=busy.values("subject_id")
    )


def _should_return(wish: Wish) -> bool:
    return wish.instance.status == Instance.Status.SUSPENDED and wish.service == Service.RUN


def _returning(wish: Wish) -> str:
    """What its owner had stopped before comes back stopped."""
    was_stopped = wish.instance.desired == Instance.Desired.STOPPED
    return "resume_stopped" if was_stopped else "resume"


def _is_held(tenant: standing.Standing) -> bool:
    """What a hold is about stays as it is while it lasts."""
    return tenant.service == Service.SUSPEND and tenant.suspends_at is None


def _should_go(wish: Wish) -> bool:
    return (
        not _should_end(wish)
        and wish.instance.status in _SUSPENDABLE
        and wish.service != Service.RUN
    )


def _should_end(wish: Wish) -> bool:
    """Only what does not run ends: nobody's bot goes from running to nothing unless it is asked."""
    is_asked = wish.instance.desired == Instance.Desired.DELETED
    return wish.service == Service.END and (is_asked or wish.instance.status in _ENDABLE)


def _breaker_admits(kind: str, wishes: list[Wish]) -> bool:
    hour_ago = timezone.now() - timedelta(hours=1)
    lately = Operation.objects.filter(kind=kind, created_at__gt=hour_ago)
    alive = Instance.objects.exclude(status=Instance.Status.TERMINATED)
    return breaker.admits(
        action=kind,
        wanted=len({wish.instance.tenant_id for wish in wishes}),
        lately=lately.values("tenant").distinct().count(),
        tenants=alive.values("tenant").distinct().count(),
    )


def _is_confirmed(wish: Wish) -> bool:
    """Stripe's word of a moment ago decides, not what was written down days before."""
    tenant_id = wish.instance.tenant_id
    read_at = Entitlement.objects.get(tenant_id=tenant_id).refreshed_at
    if read_at is None or read_at < timezone.now() - FRESH:
        try:
            entitlements.entitlement_refresh(tenant_id=tenant_id)
        except ProviderError as error:
            logger.warning("tenant %s is left alone without Stripe's word: %s", tenant_id, error)
            return False
    wishes = _wishes(standing.standings(tenant_ids=[tenant_id]))
    return any(w.instance == wish.instance and w.service == wish.service for w in wishes)


def _open(kind: str, wish: Wish) -> Operation | None:
    instance = wish.instance
    entitlement = Entitlement.objects.filter(tenant_id=instance.tenant_id).first()
    origin = entitlement.correlation_id if entitlement else ""
    with correlation(origin or new_id()), transaction.atomic():
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        if row.status != instance.status:
            return None
        try:
            return ledger.operation_open(
                kind=kind,
                subject=row,
                tenant=instance.tenant,
                cause=f"standing: {wish.reason or 'paid'}",
            )
        except Refused as refusal:
            logger.info("%s waits: %s", kind, refusal)
            return None
