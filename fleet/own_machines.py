"""Worker room: machines of tenants' own against what is paid for now.

One that has become too small grows where it is or, where its provider cannot, is replaced by a
larger one, to which its bots move. None shrinks by itself: that would stop bots to save pennies,
and a disk cannot become smaller at all.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.template.defaultfilters import pluralize
from django.utils import timezone

from billing.models import Entitlement, Plan
from billing.standing import Service, standing_for
from fleet import orders, regions
from fleet.models import CatalogueOffer, Operation, Server
from fleet.offers import fitting, holds, need_of, rank
from tenants.models import Tenant
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
Status = Server.Status
# A machine that is ending, or that could not be given back, houses nobody.
OVER = (Status.DESTROYING, Status.GONE, Status.FAILED, Status.LEAKED)
# A machine is off while it is resized: so many at once, and not again soon after one that failed.
RESIZED_AT_ONCE, RESIZE_PAUSE = 4, timedelta(days=1)
# One, and two that replace it while plans change faster than machines boot; more is a defect.
MOST_AT_ONCE = 3


@dataclass(frozen=True)
class Own:
    """What a tenant pays for, and its machines that are ready; the best one is home."""

    paid: Entitlement
    servers: list[Server]

    @property
    def home(self) -> Server:
        return max(self.servers, key=lambda server: rank(server, need_of(self.paid)))

    @property
    def is_enough(self) -> bool:
        return holds(self.home, need_of(self.paid))


def order_for(paid: Entitlement, *, cause: str, replacing: bool = False) -> Operation | None:
    """Orders the cheapest machine that fits, where the tenant wants it; None if it has to wait.

    One is enough, unless it replaces those that are ready.
    """
    offer = fitting(need_of(paid), regions.chosen(paid.tenant)).first()
    if offer is None:
        logger.error("%s waits for a machine of its own: none on offer fits", paid.tenant)
        return None
    passing = (*OVER, Status.READY) if replacing else OVER
    with transaction.atomic():
        # The tenant's row is the lock: two wake-ups at once must not buy two machines.
        tenant = Tenant.objects.select_for_update().get(pk=paid.tenant_id)
        servers = tenant.servers.all()
        if servers.exclude(status__in=passing).exists() or orders.failed_lately(servers):
            return None
        if servers.exclude(status__in=OVER).count() >= MOST_AT_ONCE:
            logger.error("%s has %s machines of its own already", tenant, MOST_AT_ONCE)
            return None
        try:
            return orders.order(
                provider=offer.provider,
                region=offer.region,
                size=offer.size,
                cause=cause,
                tenant=tenant,
            )[1]
        except Refused as refused:
            logger.error("%s waits for a machine of its own: %s", tenant, refused.message)
            return None


def enlarge() -> Iterable[Operation]:
    """Opens what makes the machines large enough, once nothing else is under way there."""
    for own in _cramped():
        if _is_busy(own.paid.tenant) or standing_for(own.paid.tenant_id).service != Service.RUN:
            continue
        cause = f"entitlement: {own.paid.plan_code} needs a larger machine"
        offer = _offer_in_place(own)
        operation = (
            _resize(own.home, offer, cause)
            if offer
            else order_for(own.paid, cause=cause, replacing=True)
        )
        if operation:
            yield operation


def _offer_in_place(own: Own) -> CatalogueOffer | None:
    """The cheapest size to which the machine itself can grow; its disk stays as it is."""
    server, need = own.home, need_of(own.paid)
    failed = Operation.objects.filter(
        kind="server_resize",
        subject_id=server.pk,
        state=Operation.State.FAILED,
        finished_at__gt=timezone.now() - RESIZE_PAUSE,
    )
    if need.disk_gb > server.disk_gb or failed.exists():
        return None
    grown = replace(need, disk_gb=server.disk_gb)
    offers = fitting(grown, regions.chosen(own.paid.tenant))
    return offers.filter(provider=server.provider, region=server.region).first()


def _resize(server: Server, offer: CatalogueOffer, cause: str) -> Operation | None:
    if Operation.objects.live().filter(kind="server_resize").count() >= RESIZED_AT_ONCE:
        return None
    try:
        return orders.resize(server=server, size=offer.size, cause=cause)
    except Refused as refused:
        logger.error("%s stays too small for now: %s", server, refused.message)
        return None


def surplus() -> list[Server]:
    """Machines whose tenants have another one by now, which holds everything."""
    enough = [own for own in _all() if own.is_enough]
    return [server for own in enough for server in own.servers if server != own.home]


def lacks_cpus(paid: Entitlement) -> bool:
    """Whether its bots have to wait: an engine refuses more CPUs than its machine has."""
    return any(own.home.cpus < need_of(paid).cpus for own in _all(tenant=paid.tenant_id))


def waiting() -> list[Tenant]:
    """Tenants whose machine is too small, and nothing is under way that mends it."""
    return [own.paid.tenant for own in _cramped() if not _is_busy(own.paid.tenant)]


def remarks() -> dict[UUID, str]:
    """What staff should know of how tenants' own machines fit; nothing of those that fit well."""
    said = {own.home.pk: _remark(own) for own in _all()}
    return {server: text for server, text in said.items() if text}


def _remark(own: Own) -> str:
    server, need, plan = own.home, need_of(own.paid), own.paid.plan_code
    if not own.is_enough:
        cpus = f"{need.cpus} CPU{pluralize(need.cpus)}"
        asked = f"{need.memory_mb} MB, {cpus} and {need.disk_gb} GB of disk"
        return f"too small for {plan}, which asks for {asked}"
    offers = fitting(need, regions.chosen(own.paid.tenant))
    offer = offers.filter(provider=server.provider, region=server.region).first()
    if offer is None or offer.monthly >= server.monthly:
        return ""
    fits = offer.disk_gb >= server.disk_gb
    disk = f"but its disk of {server.disk_gb} GB does not fit into {offer.disk_gb} GB"
    cheaper = f"{offer.size} for {offer.monthly:.2f} {offer.currency} would do for {plan}"
    return f"{cheaper}: resize it" if fits else f"{cheaper}, {disk}"


def paid_for() -> "QuerySet[Entitlement]":
    """Of all who pay for a machine of their own what that is."""
    return Entitlement.objects.filter(
        status__in=Entitlement.ENTITLED, plan__placement=Plan.Placement.DEDICATED, bots__gt=0
    ).select_related("tenant", "plan")


def _cramped() -> list[Own]:
    return [own for own in _all() if not own.is_enough]


def _all(**which: UUID) -> list[Own]:
    """Of every tenant, or one, that pays for a machine of its own and has one that is ready."""
    paid = {each.tenant_id: each for each in paid_for().filter(**which)}
    ready = Server.objects.filter(status=Status.READY, tenant__in=paid).order_by("tenant_id")
    return [
        Own(paid[tenant_id], list(servers))
        for tenant_id, servers in groupby(ready, key=lambda server: server.tenant_id)
        if tenant_id
    ]


def _is_busy(tenant: Tenant) -> bool:
    return Operation.objects.live().filter(tenant=tenant).exists()
