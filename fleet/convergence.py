"""Worker room: compares what tenants may run with what they have, and opens what is lacking.

Level-triggered: it reads rows, not events, so it does not matter which announcement was lost.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from billing.models import Entitlement
from billing.standing import Service, standing_for, standings
from fleet import homes, nodes, own_machines, placement, ports
from fleet.models import Instance, Operation, Release
from fleet.operations import ledger
from tenants.models import Tenant
from wopr.common.correlation import correlation, new_id
from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)
Opening = Callable[[], Operation]
# A bot that is paid for and failed is tried again without anybody asking.
RETRY_FAILED_AFTER = timedelta(hours=1)
# What the engine can change of a container that runs.
ENFORCED = ("memory_mb", "cpu_millis", "pids")
RESIZABLE = (Instance.Status.RUNNING, Instance.Status.STOPPED)


def tenant_converge(*, tenant_id: UUID) -> list[Operation]:
    """Opens what brings the tenant's bots to what it pays for.

    What finds no room waits for the next reconcile, and keeps nothing else waiting.
    """
    with transaction.atomic():
        # The tenant's row is the lock: two wake-ups at once must not make two bots of one.
        tenant = Tenant.objects.select_for_update().get(pk=tenant_id)
        entitlement = Entitlement.objects.select_related("plan").filter(tenant=tenant).first()
        if entitlement is None or not entitlement.entitled:
            return []
        if standing_for(tenant.pk).service != Service.RUN or own_machines.lacks_cpus(entitlement):
            return []
        with correlation(entitlement.correlation_id or new_id()):
            openings = (
                *_missing(tenant, entitlement),
                *_failed(tenant),
                *_resizes(tenant, entitlement),
            )
            return [opened for opening in openings if (opened := _attempt(tenant, opening))]


def _attempt(tenant: Tenant, opening: Opening) -> Operation | None:
    try:
        with transaction.atomic():
            return opening()
    except (ProviderError, Refused) as error:
        logger.error("%s waits for what it pays for: %s", tenant, error)
        return None


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
    outgrown = entitled.filter(tenant__instances__in=_outgrown())
    return list(
        {
            *lacking.values_list("tenant_id", flat=True),
            *outgrown.values_list("tenant_id", flat=True),
        }
    )


def undelivered() -> list[Tenant]:
    """Tenants with fewer bots, or smaller ones, than they pay for, and nothing under way.

    Also those whose own machine is too small.
    """
    alive = Count("instances", filter=~Q(instances__status=Instance.Status.TERMINATED))
    entitled = Q(entitlement__status__in=Entitlement.ENTITLED, entitlement__plan__isnull=False)
    waiting = Instance.objects.filter(pk__in=_outgrown()).exclude(pk__in=_busy())
    cramped = [tenant.pk for tenant in own_machines.waiting()]
    behind = (
        Q(alive__lt=F("entitlement__bots")) | Q(pk__in=waiting.values("tenant")) | Q(pk__in=cramped)
    )
    tenants = Tenant.objects.annotate(alive=alive).filter(entitled & behind).order_by("slug")
    stand = standings(tenant_ids=[tenant.pk for tenant in tenants])
    return [tenant for tenant in tenants if stand[tenant.pk].service == Service.RUN]


def _outgrown() -> QuerySet[Instance]:
    """Bots that are not of their plan's size."""
    return Instance.objects.filter(status__in=RESIZABLE).exclude(
        memory_mb=F("tenant__entitlement__memory_mb"),
        cpu_millis=F("tenant__entitlement__cpu_millis"),
        pids=F("tenant__entitlement__pids"),
    )


def _busy() -> QuerySet[Operation, Any]:
    return Operation.objects.live().filter(subject_kind="instance").values("subject_id")


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


def _missing(tenant: Tenant, entitlement: Entitlement) -> list[Opening]:
    alive = tenant.instances.exclude(status=Instance.Status.TERMINATED).count()
    return [partial(_open_one, tenant, entitlement)] * max(entitlement.bots - alive, 0)


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


def _resizes(tenant: Tenant, entitlement: Entitlement) -> list[Opening]:
    """Brings bots to what is paid for; one with an operation under way waits its turn."""
    wanted = {name: entitlement.limits[name] for name in ENFORCED}
    differing = tenant.instances.filter(status__in=RESIZABLE).exclude(**wanted)
    idle = differing.exclude(pk__in=_busy()).select_related("node", "tenant")
    # Nodes are locked in one order, or two tenants could block each other for ever.
    return [partial(_open_resize, bot, entitlement) for bot in idle.order_by("node_id")]


def _open_resize(instance: Instance, entitlement: Entitlement) -> Operation:
    """Resizes the bot where it is; without room there it moves to where it can be resized."""
    try:
        with transaction.atomic():  # the node is let go before others are locked
            placement.grow(instance, entitlement.memory_mb)
            return _resized(instance, entitlement)
    except ProviderError as full:
        cause = f"plan: {entitlement.plan_code}; {full}"
        return nodes.relocate(instance=instance, memory_mb=entitlement.memory_mb, cause=cause)


def _resized(instance: Instance, entitlement: Entitlement) -> Operation:
    for field, value in entitlement.limits.items():
        setattr(instance, field, value)
    instance.save()
    return ledger.operation_open(
        kind="resize",
        subject=instance,
        tenant=instance.tenant,
        cause=f"plan: {entitlement.plan_code}",
    )


def _failed(tenant: Tenant) -> list[Opening]:
    long_ago = timezone.now() - RETRY_FAILED_AFTER
    failed = tenant.instances.filter(status=Instance.Status.FAILED, updated_at__lte=long_ago)
    return [
        partial(
            instance_reprovision,
            instance=instance,
            cause="reconcile: entitled, and failed before",
        )
        for instance in failed
        if is_in_plan(instance)
    ]


def is_in_plan(instance: Instance) -> bool:
    """Whether the bot is among those that its tenant pays for, which are the oldest ones."""
    older = Instance.objects.filter(tenant=instance.tenant_id, created_at__lt=instance.created_at)
    entitlement = Entitlement.objects.filter(tenant=instance.tenant_id).first()
    alive = older.exclude(status=Instance.Status.TERMINATED).count()
    return entitlement is not None and alive < entitlement.bots
