"""Worker room: tenants whose plan says `dedicated` get a machine of their own, and give it back."""

import logging
from collections.abc import Iterable

from django.db import transaction

from billing.models import Entitlement, Plan
from billing.standing import Service, standing_for
from fleet import homes, nodes, orders, regions
from fleet.models import Instance, Operation, Server
from fleet.offers import fitting, need_of
from tenants.models import Tenant
from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)
Status = Server.Status
# A machine that is ending, or that could not be given back, houses nobody.
OVER = (Status.DESTROYING, Status.GONE, Status.FAILED, Status.LEAKED)


def reconcile() -> list[Operation]:
    """Orders the machines that are paid for and missing; gives back those that nobody needs.

    Bots go to where they belong in between, once their tenant's plan has changed.
    """
    return [*_order_missing(), *_bring_home(), *_give_back_idle()]


def _order_missing() -> Iterable[Operation]:
    paid = Entitlement.objects.filter(
        status__in=Entitlement.ENTITLED, plan__placement=Plan.Placement.DEDICATED, bots__gt=0
    )
    housed = Server.objects.exclude(status__in=OVER).filter(tenant__isnull=False).values("tenant")
    for entitlement in paid.exclude(tenant__in=housed).select_related("tenant", "plan"):
        if standing_for(entitlement.tenant_id).service == Service.RUN:
            yield from _order(entitlement)


def _order(entitlement: Entitlement) -> list[Operation]:
    """The cheapest machine that fits, where the tenant wants it."""
    region = regions.chosen(entitlement.tenant)
    offer = fitting(need_of(entitlement), region).first()
    if offer is None:
        logger.error("%s waits for a machine of its own: none on offer fits", entitlement.tenant)
        return []
    with transaction.atomic():
        # The tenant's row is the lock: two wake-ups at once must not buy two machines.
        tenant = Tenant.objects.select_for_update().get(pk=entitlement.tenant_id)
        servers = tenant.servers.all()
        if servers.exclude(status__in=OVER).exists() or orders.failed_lately(servers):
            return []
        try:
            _, operation = orders.order(
                provider=offer.provider,
                region=offer.region,
                size=offer.size,
                cause=f"entitlement: {entitlement.plan_code} is dedicated",
                tenant=tenant,
            )
        except Refused as refused:
            logger.error("%s waits for a machine of its own: %s", tenant, refused.message)
            return []
    return [operation]


def _bring_home() -> Iterable[Operation]:
    for bot in homes.strays().filter(status__in=nodes.MOVABLE).select_related("tenant", "node"):
        if standing_for(bot.tenant_id).service != Service.RUN:
            continue
        try:
            yield nodes.relocate(
                instance=bot, memory_mb=bot.memory_mb, cause="plan: another kind of machine"
            )
        except (Refused, ProviderError) as reason:
            logger.info("%s stays on %s for now: %s", bot, bot.node, reason)


def _give_back_idle() -> Iterable[Operation]:
    """Once the tenant's last bot was ended, by the one policy of grace, so is its machine."""
    owned = Server.objects.filter(tenant__isnull=False, status__in=Server.UP)
    for server in owned.select_related("tenant"):
        entitlement = Entitlement.objects.filter(tenant=server.tenant).first()
        if entitlement is not None and homes.is_dedicated(entitlement):
            continue
        alive = Instance.objects.exclude(status=Instance.Status.TERMINATED)
        if alive.filter(tenant=server.tenant, node__server=server).exists():
            continue
        try:
            yield orders.give_back(server=server, cause="its tenant has no dedicated plan any more")
        except Refused as refused:
            logger.warning("%s is not given back yet: %s", server, refused.message)
