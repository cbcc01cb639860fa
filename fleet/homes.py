"""Worker room: where a tenant's bots belong: in the pool, or on the machine that is its own."""

from uuid import UUID

from billing.models import Entitlement, Plan
from fleet import placement
from fleet.models import Instance, Node
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
        return placement.reserve_own(tenant, memory_mb, besides=besides, leaving=leaving)
    return placement.reserve(memory_mb, besides=besides, leaving=leaving)
