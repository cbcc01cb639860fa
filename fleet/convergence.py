"""Worker room: compares what tenants may run with what they have, and opens what is lacking.

Level-triggered: it reads rows, not events, so it does not matter which announcement was lost.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import count
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from billing.models import Entitlement
from billing.standing import Service, standing_for
from fleet import homes, placement, ports
from fleet.models import Instance, Operation, Release
from fleet.operations import ledger
from tenants.models import Tenant
from wopr.common.correlation import correlation, new_id
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
# A bot that is paid for and failed is tried again without anybody asking.
RETRY_FAILED_AFTER = timedelta(hours=1)
# What the engine can change of a container that runs.
ENFORCED = ("memory_mb", "cpu_millis", "pids")
RESIZABLE = (Instance.Status.RUNNING, Instance.Status.STOPPED)


def tenant_converge(*, tenant_id: UUID) -> list[Operation]:
    """Opens a provision for each bot that the tenant may run and does not have.

    Raises ProviderError when no node has room; the next reconcile tries again.
    """
    with transaction.atomic():
        # The tenant's row is the lock: two wake-ups at once must not make two bots of one.
        tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
        entitlement = Entitlement.objects.select_related("plan").filter(tenant=tenant).first()
        if entitlement is None or not entitlement.entitled:
            return []
        if standing_for(tenant.pk).service != Service.RUN:
            return []
        with correlation(entitlement.correlation_id or new_id()):
            return (
                _open_missing(tenant, entitlement)
                + _reopen_failed(tenant)
                + _open_resizes(tenant, entitlement)
            )


def lacking_tenant_ids() -> list[UUID]:
    """Tenants whose bots are too few, not of their plan's size, or failed a while ago."""
    long_ago = timezone.now() - RETRY_FAILED_AFTER
    alive = Count(
        "tenant__instances",
        filter=~Q(tenant__instances__status=Instance.Status.TERMINATED),
        distinct=True,
    )
    failed = Count(
        "tenant__instances",
        filter=Q(
            tenant__instances__status=Instance.Status.FAILED,
            tenant__instances__updated_at__lte=long_ago,
        ),
        distinct=True,
    )
    entitled = Entitlement.objects.filter(status__in=Entitlement.ENTITLED, plan__isnull=False)
    lacking = entitled.annotate(alive=alive, failed=failed).filter(
        Q(alive__lt=F("bots")) | Q(failed__gt=0)
    )
    resizable = Instance.objects.filter(status__in=RESIZABLE).exclude(
        memory_mb=F("tenant__entitlement__memory_mb"),
        cpu_millis=F("tenant__entitlement__cpu_millis"),
        pids=F("tenant__entitlement__pids"),
    )
    outgrown = entitled.filter(tenant__instances__in=resizable)
    return list(
        {
            *lacking.values_list("tenant_id", flat=True),
            *outgrown.values_list("tenant_id", flat=True),
        }
    )


def instance_reprovision(*, instance: Instance, cause: str) -> Operation:
    """Opens another provision of a failed bot, wherever there is room for it now.

    Nothing of it is left where it failed, which may be the very reason. Raises Refused for a bot
    that did not fail, and ProviderError when there is no room.
    """
    with transaction.atomic():
        node = homes.reserve(instance.tenant, instance.memory_mb, leaving=instance)
        # Nodes are locked before the instance's row, as everybody does.
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        _insist_failed(row)
        if row.node_id != node.pk:
            row.node, row.host_port = node, ports.free_port(node)
        row.status = Instance.Status.STARTING
        row.save(update_fields=["node", "host_port", "status", "updated_at"])
        return ledger.operation_open(
            kind="provision", subject=row, tenant=instance.tenant, cause=cause
        )


def _insist_failed(instance: Instance) -> None:
    if instance.status != Instance.Status.FAILED:
        raise Refused(
            "instance_not_failed",
            f"{instance} is {instance.status}; only a failed bot is set up again.",
            status=409,
        )


def _open_missing(tenant: Tenant, entitlement: Entitlement) -> list[Operation]:
    alive = tenant.instances.exclude(status=Instance.Status.TERMINATED).count()
    lacking = max(entitlement.bots - alive, 0)
    return [_open_one(tenant, entitlement) for _ in range(lacking)]


def taken_slugs(slugs: Iterable[str]) -> set[str]:
    """Which of these are a bot's already, of whatever tenant; bots can be renamed."""
    alive = Instance.objects.exclude(status=Instance.Status.TERMINATED)
    return set(alive.filter(slug__in=slugs).values_list("slug", flat=True))


def _slugs(tenant: Tenant) -> Iterator[str]:
    """The tenant's name, then numbered ones; no tenant can be called so, for the two hyphens."""
    yield tenant.slug
    for number in count(2):
        yield f"{tenant.slug}--{number}"


def instance_place(
    tenant: Tenant, entitlement: Entitlement, *, image: str, release: Release | None = None
) -> Instance:
    """A new bot's row, with room on a node; the tenant's row must be locked."""
    node = homes.reserve(tenant, entitlement.memory_mb)
    return Instance.objects.create(
        tenant=tenant,
        slug=next(slug for slug in _slugs(tenant) if not taken_slugs([slug])),
        node=node,
        image=image,
        release=release,
        **entitlement.limits,
        host_port=ports.free_port(node),
    )


def _open_one(tenant: Tenant, entitlement: Entitlement) -> Operation:
    instance = instance_place(tenant, entitlement, image=settings.WOPR_BOT_IMAGE)
    return ledger.operation_open(
        kind="provision",
        subject=instance,
        tenant=tenant,
        cause=f"entitlement: {entitlement.status}, {entitlement.plan_code}",
    )


def _open_resizes(tenant: Tenant, entitlement: Entitlement) -> list[Operation]:
    """Brings bots to what is paid for; one with an operation under way waits its turn."""
    wanted = {name: entitlement.limits[name] for name in ENFORCED}
    busy = Operation.objects.live().filter(subject_kind="instance").values("subject_id")
    differing = tenant.instances.filter(status__in=RESIZABLE).exclude(**wanted).exclude(pk__in=busy)
    return [_open_resize(instance, entitlement) for instance in differing]


def _open_resize(instance: Instance, entitlement: Entitlement) -> Operation:
    placement.grow(instance, entitlement.memory_mb)
    for field, value in entitlement.limits.items():
        setattr(instance, field, value)
    instance.save()
    return ledger.operation_open(
        kind="resize",
        subject=instance,
        tenant=instance.tenant,
        cause=f"plan: {entitlement.plan_code}",
    )


def _reopen_failed(tenant: Tenant) -> list[Operation]:
    long_ago = timezone.now() - RETRY_FAILED_AFTER
    failed = tenant.instances.filter(status=Instance.Status.FAILED, updated_at__lte=long_ago)
    return [
        instance_reprovision(instance=instance, cause="reconcile: entitled, and failed before")
        for instance in failed
        if is_in_plan(instance)
    ]


def is_in_plan(instance: Instance) -> bool:
    """Whether the bot is among those that its tenant pays for, which are the oldest ones."""
    older = Instance.objects.filter(tenant=instance.tenant_id, created_at__lt=instance.created_at)
    entitlement = Entitlement.objects.filter(tenant=instance.tenant_id).first()
    alive = older.exclude(status=Instance.Status.TERMINATED).count()
    return entitlement is not None and alive < entitlement.bots
