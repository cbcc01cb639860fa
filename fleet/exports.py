"""Worker room: the last proven backup of a bot, offered as a download, and deleted in the end.

A customer who leaves can take the data along: during the retention, and for WOPR_EXPORT_DAYS after
the bot was deleted. Then the backups are deleted as well; where the tenant is deleted, at once.
"""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from fleet.models import Backup, Instance, Operation
from fleet.operations import ledger
from fleet.operations.expiry import FORGET_BACKUPS
from fleet.operations.steps.backups import repository
from tenants.models import Deletion, Tenant
from wopr.common import breaker
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
# An operation that failed is not opened again before this.
PAUSE = timedelta(hours=6)


def offered(*, tenant: Tenant) -> list[Backup]:
    """The newest proven backup of each of the tenant's bots, as long as it is offered."""
    kept = Backup.objects.filter(
        _not_ended_before(_expiry()),
        instance__tenant=tenant,
        proven_at__isnull=False,
        forgotten_at__isnull=True,
    ).select_related("instance")
    return list(kept.order_by("instance_id", "-taken_at").distinct("instance_id"))


def content_of(backup: Backup) -> Iterator[bytes]:
    """The tar, in pieces. Raises ProviderError at once when it cannot be read."""
    chunks = repository(backup.instance).fetch(backup.snapshot)
    return chain((next(chunks),), chunks)


def expire() -> list[Operation]:
    """Opens the deletion of all backups of bots whose data is not offered any more."""
    ended = list(_expired())
    if not ended or not _breaker_admits(ended):
        return []
    return [operation for instance in ended if (operation := _open(instance))]


def _expiry() -> datetime:
    return timezone.now() - timedelta(days=settings.WOPR_EXPORT_DAYS)


def _not_ended_before(moment: datetime) -> Q:
    return Q(instance__terminated_at__isnull=True) | Q(instance__terminated_at__gt=moment)


def _expired() -> QuerySet[Instance]:
    unfinished = Q(finished_at__isnull=True)
    failed_lately = Q(state=Operation.State.FAILED, finished_at__gt=timezone.now() - PAUSE)
    busy = Operation.objects.filter(unfinished | failed_lately, subject_kind="instance")
    over = Q(terminated_at__lte=_expiry()) | Q(
        status=Instance.Status.TERMINATED, tenant__deletions__in=Deletion.objects.begun()
    )
    return (
        Instance.objects.filter(over, backups__forgotten_at__isnull=True)
        .filter(backups__isnull=False)
        .exclude(pk__in=busy.values("subject_id"))
        .select_related("tenant")
        .distinct()
    )


def _breaker_admits(ended: list[Instance]) -> bool:
    """What is deleted here is the last copy: a clock that jumped must not be enough."""
    hour_ago = timezone.now() - timedelta(hours=1)
    lately = Operation.objects.filter(kind=FORGET_BACKUPS.name, created_at__gt=hour_ago)
    return breaker.admits(
        action=FORGET_BACKUPS.name,
        wanted=len({instance.tenant_id for instance in ended}),
        lately=lately.values("tenant").distinct().count(),
        tenants=Instance.objects.values("tenant").distinct().count(),
    )


def _open(instance: Instance) -> Operation | None:
    try:
        with transaction.atomic():
            return ledger.operation_open(
                kind=FORGET_BACKUPS.name,
                subject=instance,
                tenant=instance.tenant,
                cause=f"deleted on {instance.terminated_at:%Y-%m-%d}",
            )
    except Refused as refusal:
        logger.info("the backups of %s wait: %s", instance, refusal)
        return None
