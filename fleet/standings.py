"""Worker room: makes bots follow their tenant's standing: suspended, or brought back.

Level-triggered like all reconciling: it compares what the rows say with what the bots are. Who
is to be suspended for not paying is asked about at Stripe once more before anything is done.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
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
_SUSPENDING = (Service.SUSPEND, Service.END)
_ENDING = (Service.END,)
_SUSPENDABLE = (Instance.Status.RUNNING, Instance.Status.STOPPED)


def follow(*, tenant_ids: Iterable[UUID] | None = None) -> list[Operation]:
    """Opens an operation for every bot that is not as its tenant stands."""
    wanted = standing.standings(tenant_ids=tenant_ids)
    idle = list(_idle_instances(wanted))
    back = [i for i in idle if _should_return(i, wanted[i.tenant_id].service)]
    gone = [i for i in idle if _should_go(i, wanted[i.tenant_id].service)]
    over = [i for i in idle if _should_end(i, wanted[i.tenant_id].service)]
    opened = [_open("resume", i, wanted[i.tenant_id].reason) for i in back]
    opened += _open_guarded("suspend", gone, wanted, _SUSPENDING)
    opened += _open_guarded("terminate", over, wanted, _ENDING)
    return [operation for operation in opened if operation is not None]


def _open_guarded(
    kind: str,
    instances: list[Instance],
    wanted: dict[UUID, standing.Standing],
    services: tuple[Service, ...],
) -> list[Operation | None]:
    """What hurts is opened only if the breaker admits it and Stripe still says so."""
    if not instances or not _breaker_admits(kind, instances):
        return []
    return [
        _open(kind, instance, wanted[instance.tenant_id].reason)
        for instance in instances
        if _confirmed_service(instance.tenant_id) in services
    ]


def _idle_instances(wanted: dict[UUID, standing.Standing]) -> Iterable[Instance]:
    """Bots with no operation now, and none that failed a moment ago."""
    busy = Operation.objects.filter(subject_kind="instance").exclude(
        state=Operation.State.SUCCEEDED
    )
    recent = busy.filter(finished_at__isnull=True) | busy.filter(
        finished_at__gt=timezone.now() - PAUSE
    )
    return (
        Instance.objects.filter(tenant_id__in=list(wanted))
        .exclude(pk__in=recent.values("subject_id"))
        .select_related("tenant")
    )


def _should_return(instance: Instance, service: Service) -> bool:
    return instance.status == Instance.Status.SUSPENDED and service == Service.RUN


def _should_go(instance: Instance, service: Service) -> bool:
    return instance.status in _SUSPENDABLE and service != Service.RUN


def _should_end(instance: Instance, service: Service) -> bool:
    """Only what is suspended ends: nobody's bot goes from running to nothing in one step."""
    return instance.status == Instance.Status.SUSPENDED and service == Service.END


def _breaker_admits(kind: str, instances: list[Instance]) -> bool:
    hour_ago = timezone.now() - timedelta(hours=1)
    lately = Operation.objects.filter(kind=kind, created_at__gt=hour_ago)
    return breaker.admits(
        action=kind,
        wanted=len({instance.tenant_id for instance in instances}),
        lately=lately.values("tenant").distinct().count(),
        tenants=Instance.objects.exclude(status=Instance.Status.TERMINATED)
        .values("tenant")
        .distinct()
        .count(),
    )


def _confirmed_service(tenant_id: UUID) -> Service | None:
    """Stripe's word of a moment ago decides, not what was written down days before."""
    read_at = Entitlement.objects.get(tenant_id=tenant_id).refreshed_at
    if read_at is None or read_at < timezone.now() - FRESH:
        try:
            entitlements.entitlement_refresh(tenant_id=tenant_id)
        except ProviderError as error:
            logger.warning("tenant %s is left alone without Stripe's word: %s", tenant_id, error)
            return None
    return standing.standing_for(tenant_id).service


def _open(kind: str, instance: Instance, reason: str) -> Operation | None:
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
                cause=f"standing: {reason or 'paid'}",
            )
        except Refused as refusal:
            logger.info("%s waits: %s", kind, refusal)
            return None
