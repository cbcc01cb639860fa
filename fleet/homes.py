"""Worker room: where a tenant's bots belong: in the pool, or on the machine that is its own."""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.models import Entitlement, Plan
from fleet import placement, regions
from fleet.models import Instance, Node, Server
from fleet.offers import need_of
from tenants.models import Tenant


def is_dedicated(entitlement: Entitlement) -> bool:
    """Whether what is paid for runs on a machine of its own."""
    plan = entitlement.plan
    return plan is not None and entitlement.entitled and plan.placement == Plan.Placement.DEDICATED


def reserve(
    tenant: Tenant,
    memory_mb: int,
    *,
    besides: UUID | None = None,
    leaving: Instance | None = None,
) -> Node:
    """Room where the tenant's bots belong, locked. Raises ProviderError when there is none.

    `leaving` is a bot that gives up the place that it has, so that this counts as free.
    """
    entitlement = Entitlement.objects.select_related("plan").filter(tenant=tenant).first()
    if entitlement is not None and is_dedicated(entitlement):
        need = need_of(entitlement)
        return placement.reserve_own(tenant, memory_mb, need=need, besides=besides, leaving=leaving)
    region = regions.chosen(tenant)
    return placement.reserve(memory_mb, region=region, besides=besides, leaving=leaving)


def strays() -> QuerySet[Instance]:
    """Bots that are elsewhere than where their tenant's plan has them now."""
    theirs = Server.objects.filter(node=OuterRef("node"), tenant__isnull=False)
    entitled = Instance.objects.filter(
        tenant__entitlement__status__in=Entitlement.ENTITLED,
        tenant__entitlement__plan__isnull=False,
    )
    alone = Q(tenant__entitlement__plan__placement=Plan.Placement.DEDICATED)
    return entitled.filter((alone & ~Exists(theirs)) | (~alone & Exists(theirs)))
