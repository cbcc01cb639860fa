"""Worker room: what bots keep in /data against what their plan gives, and what follows from it.

An engine cannot limit a volume on an ordinary filesystem, so it is measured and acted upon: a
warning first, then the end of all writing. A bot cannot work on a data folder that it may not write
(its database needs to, even to read), so the writing ends by stopping the bot behind a page that
says why. It runs again when there is room, or for an hour to clean up.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from fleet.engines.registry import engine
from fleet.models import Instance, InstanceEvent, Node, Operation, Route
from fleet.operations import ledger
from tenants import correspondence
from tenants.models import Message
from wopr.common import breaker
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
Disk, Status = Instance.Disk, Instance.Status
GRACE = timedelta(hours=1)
OWN_GRACE_EVERY = timedelta(days=1)
STEP_BACK = 5  # percent below the warning at which it is taken back, so that it does not flutter
MEASURED = (Status.RUNNING, Status.STOPPED, Status.SUSPENDED, Status.FAILED)
_LETTERS = {Disk.NEARLY_FULL: Message.Kind.DISK_NEARLY_FULL, Disk.FULL: Message.Kind.DISK_FULL}
_EVENTS = {
    Disk.FINE: InstanceEvent.Kind.DISK_FINE,
    Disk.NEARLY_FULL: InstanceEvent.Kind.DISK_NEARLY_FULL,
    Disk.FULL: InstanceEvent.Kind.DISK_FULL,
}


def node_measure(*, node_id: UUID) -> None:
    """Reads the sizes of all volumes of the node in one call, and notes what they mean."""
    node = Node.objects.get(pk=node_id)
    sizes = engine(node).volume_sizes()
    for instance in node.instances.filter(status__in=MEASURED).select_related("tenant"):
        _follow_plan(instance)
        if instance.volume_name in sizes:
            _note(instance, sizes[instance.volume_name])


def _follow_plan(instance: Instance) -> None:
    """Room needs nobody to make it: the limit is what is paid for, from this moment."""
    entitlement = getattr(instance.tenant, "entitlement", None)
    if entitlement is None or not entitlement.entitled:
        return
    if instance.disk_gb != entitlement.disk_gb:
        instance.disk_gb = entitlement.disk_gb
        Instance.objects.filter(pk=instance.pk).update(disk_gb=instance.disk_gb)


def _note(instance: Instance, used: int) -> None:
    now = timezone.now()
    state = state_of(used, instance.disk_bytes, before=Disk(instance.disk_state))
    with transaction.atomic():
        changed = Instance.objects.filter(pk=instance.pk).exclude(disk_state=state)
        is_news = bool(changed.update(disk_state=state))
        Instance.objects.filter(pk=instance.pk).update(disk_used=used, disk_seen_at=now)
        instance.disk_used, instance.disk_state = used, state
        if is_news:
            _tell(instance, now)


def state_of(used: int, limit: int, *, before: Instance.Disk) -> Instance.Disk:
    """What so much use of so much room means; a warning is taken back only a little below it."""
    if not limit:
        return Disk.FINE
    if used >= limit:
        return Disk.FULL
    warn = settings.WOPR_DISK_WARN_PERCENT - (0 if before == Disk.FINE else STEP_BACK)
    return Disk.NEARLY_FULL if used * 100 >= limit * warn else Disk.FINE


def _tell(instance: Instance, now: datetime) -> None:
    state = Disk(instance.disk_state)
    InstanceEvent.objects.create(
        instance=instance, kind=_EVENTS[state], happened_at=now, message=_amount(instance)
    )
    if state not in _LETTERS or instance.status == Status.SUSPENDED:
        return
    correspondence.message_queue(
        tenant=instance.tenant,
        kind=_LETTERS[state],
        cause=f"{instance.reference}:disk:{now:%Y%m%d%H%M%S}",
        context={
            "instance": instance,
            "amount": _amount(instance),
            "stops": settings.WOPR_DISK_POLICY == "stop",
            "action": {
                "url": f"{settings.WOPR_DASHBOARD_URL}/instances/{instance.pk}",
                "label": "Look at the bot",
            },
        },
    )


def _amount(instance: Instance) -> str:
    return f"{(instance.disk_used or 0) / 1e9:.2f} GB of {instance.disk_gb} GB"


def enforce() -> list[Operation]:
    """Opens what the rows ask for: full bots are stopped, those with room again are started."""
    now = timezone.now()
    opened = [_open("start", instance) for instance in _may_return(now)]
    if settings.WOPR_DISK_POLICY == "stop":
        opened += [_open("stop_full", instance) for instance in _admitted(_must_stop(now))]
    return [operation for operation in opened if operation is not None]


def _must_stop(now: datetime) -> QuerySet[Instance]:
    full = Instance.objects.filter(status=Status.RUNNING, disk_state=Disk.FULL)
    return full.filter(_without_grace(now)).select_related("tenant")


def _may_return(now: datetime) -> QuerySet[Instance]:
    """Bots that were stopped for their disk and for nothing else: their name tells so."""
    stopped = Instance.objects.filter(
        status=Status.STOPPED,
        desired=Instance.Desired.RUNNING,
        routes__serves=Route.Serves.FULL_PAGE,
    )
    if settings.WOPR_DISK_POLICY == "stop":
        stopped = stopped.exclude(Q(disk_state=Disk.FULL) & _without_grace(now))
    return stopped.select_related("tenant").distinct()


def _without_grace(now: datetime) -> Q:
    return Q(disk_grace_until__isnull=True) | Q(disk_grace_until__lte=now)


def _admitted(full: QuerySet[Instance]) -> list[Instance]:
    """None of them, where so many would be stopped that a wrong measure is more likely."""
    wanted = list(full)
    hour_ago = timezone.now() - timedelta(hours=1)
    lately = Operation.objects.filter(kind="stop_full", created_at__gt=hour_ago)
    alive = Instance.objects.exclude(status=Status.TERMINATED)
    is_admitted = not wanted or breaker.admits(
        action="stop_full",
        wanted=len({instance.tenant_id for instance in wanted}),
        lately=lately.values("tenant").distinct().count(),
        tenants=alive.values("tenant").distinct().count(),
    )
    return wanted if is_admitted else []


def _open(kind: str, instance: Instance, cause: str = "") -> Operation | None:
    with transaction.atomic():
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        if row.status != instance.status:
            return None
        try:
            return ledger.operation_open(
                kind=kind,
                subject=row,
                tenant=instance.tenant,
                cause=cause or f"disk: {_amount(row)}",
                parameters={"was": row.status},
            )
        except Refused as refusal:
            logger.info("%s waits: %s", kind, refusal)
            return None


def insist_room(instance: Instance) -> None:
    """Raises Refused for a bot that would be stopped again at once."""
    full = Instance.objects.filter(_without_grace(timezone.now()), disk_state=Disk.FULL)
    if settings.WOPR_DISK_POLICY == "stop" and full.filter(pk=instance.pk).exists():
        raise Refused(
            "disk_full",
            f"The disk of {instance} is full. Have it run for an hour to clean up, or choose a plan"
            " with more room.",
            status=409,
        )


def grace_grant(*, instance: Instance, cause: str, by_staff: bool) -> Operation | None:
    """Lets a full bot run for an hour to clean up: its owner once a day, staff at any time.

    Returns the operation that starts it; None for one that still runs. Raises Refused.
    """
    now = timezone.now()
    with transaction.atomic():
        row = Instance.objects.select_for_update().select_related("tenant").get(pk=instance.pk)
        if row.disk_state != Disk.FULL:
            raise Refused("disk_not_full", f"The disk of {row} is not full.", status=409)
        if not by_staff and row.disk_grace_until and row.disk_grace_until > now - OWN_GRACE_EVERY:
            raise Refused(
                "grace_used",
                "The hour for cleaning up was used today. Choose a plan with more room, or write to"
                " us.",
                status=409,
            )
        Instance.objects.filter(pk=row.pk).update(disk_grace_until=now + GRACE)
        is_stopped = _may_return(now).filter(pk=row.pk).exists()
        return _open("start", row, cause) if is_stopped else None
