"""What can be bought now that fits, the cheapest first, at providers that are not down.

Prices are compared as the providers state them, whatever their currency is.
"""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from billing.models import Entitlement, Plan
from fleet import regions
from fleet.models import CatalogueOffer, ProviderHealth, Server
from fleet.providers import registry
from fleet.regions import Region

# An offer in the place of one that is sold out may cost so much of its price, and no more.
DEAREST = 2


@dataclass(frozen=True)
class Need:
    """The least that a machine must have."""

    memory_mb: int
    cpus: int = 1
    disk_gb: int = 1
    gpu: str = ""


def need_of(paid: Entitlement | Plan) -> Need:
    """A machine on which everything that is paid for has room, with some to spare."""
    return Need(
        memory_mb=paid.memory_mb * paid.bots + settings.WOPR_DEDICATED_SPARE_MB,
        cpus=max(1, -(-paid.cpu_millis // 1000)),
        disk_gb=paid.disk_gb * paid.bots,
    )


def enough(need: Need, region: Region | None = None) -> QuerySet[CatalogueOffer]:
    """Sold out or not; in the region, or wherever WOPR may buy by WOPR_POOL_REGIONS."""
    offers = CatalogueOffer.objects.filter(
        architecture="x86",
        memory_mb__gte=need.memory_mb,
        cpus__gte=need.cpus,
        disk_gb__gte=need.disk_gb,
        gpu=need.gpu,
    )
    sites = region.sites if region else settings.WOPR_POOL_REGIONS
    return offers.filter(region__in=sites) if region or sites else offers


def fitting(need: Need, region: Region | None = None) -> QuerySet[CatalogueOffer]:
    """What is enough and can be bought now."""
    down = ProviderHealth.objects.filter(state=ProviderHealth.State.DOWN).values("name")
    offers = enough(need, region).filter(available=True, provider__in=registry.sellers())
    return offers.exclude(provider__in=down).order_by("monthly", "memory_mb", "provider", "region")


def instead_of(server: Server, tried: list[list[str]]) -> CatalogueOffer | None:
    """The next best for a server whose offer is sold out; None when there is none."""
    offer = CatalogueOffer.objects.filter(
        provider=server.provider, region=server.region, size=server.size
    ).first()
    need = Need(server.memory_mb, server.cpus, server.disk_gb, offer.gpu if offer else "")
    region = regions.chosen(server.tenant) if server.tenant else None
    dearest = server.monthly * DEAREST
    return next(
        (
            found
            for found in fitting(need, region).filter(monthly__lte=dearest)
            if [found.provider, found.region, found.size] not in tried
        ),
        None,
    )
