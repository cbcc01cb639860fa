"""Worker room: tenants whose plan says `dedicated` get a machine of their own, and give it back."""

import logging
from collections.abc import Iterable

from django.db.models import Q

from billing.models import Entitlement
from billing.standing import Service, standing_for
from fleet import homes, nodes, orders, own_machines
from fleet.models import Instance, Operation, Server
from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)


def reconcile() -> list[Operation]:
    """Orders the machines that are paid for and missing; gives back those that nobody needs.

    In between, once their tenant's plan has changed, machines grow and bots go where they belong.
    """
    return [*_order_missing(), *own_machines.enlarge(), *_bring_home(), *_give_back_idle()]


def _order_missing() -> Iterable[Operation]:
    housed = Server.objects.exclude(status__in=own_machines.OVER).filter(tenant__isnull=False)
    for entitlement in own_machines.paid_for().exclude(tenant__in=housed.values("tenant")):
        if standing_for(entitlement.tenant_id).service != Service.RUN:
            continue
        cause = f"entitlement: {entitlement.plan_code} is dedicated"
        if operation := own_machines.order_for(entitlement, cause=cause):
            yield operation


def _bring_home() -> Iterable[Operation]:
    elsewhere = Q(pk__in=homes.strays()) | Q(node__server__in=own_machines.surplus())
    bots = Instance.objects.filter(elsewhere, status__in=nodes.MOVABLE)
    for bot in bots.select_related("tenant", "node"):
        if standing_for(bot.tenant_id).service != Service.RUN:
            continue
        try:
            yield nodes.relocate(
                instance=bot, memory_mb=bot.memory_mb, cause="plan: another kind of machine"
            )
        except (Refused, ProviderError) as reason:
            logger.info("%s stays on %s for now: %s", bot, bot.node, reason)


def _give_back_idle() -> Iterable[Operation]:
    """Once the tenant's last bot was ended, by the one policy of grace, so is its machine.

    One in whose place there is a larger one goes once the last bot has moved.
    """
    owned = Server.objects.filter(tenant__isnull=False, status__in=Server.UP)
    surplus = own_machines.surplus()
    for server in owned.select_related("tenant"):
        entitlement = Entitlement.objects.filter(tenant=server.tenant).first()
        if entitlement is not None and homes.is_dedicated(entitlement) and server not in surplus:
            continue
        if _is_in_use(server):
            continue
        try:
            yield orders.give_back(server=server, cause="its tenant does not need it any more")
        except Refused as refused:
            logger.warning("%s is not given back yet: %s", server, refused.message)


def _is_in_use(server: Server) -> bool:
    """A bot is there, or on the way from it or to it."""
    theirs = Instance.objects.filter(tenant=server.tenant)
    alive = theirs.exclude(status=Instance.Status.TERMINATED).filter(node__server=server)
    moves = Operation.objects.live().filter(subject_kind="instance", kind="move")
    return alive.exists() or moves.filter(subject_id__in=theirs.values("pk")).exists()
