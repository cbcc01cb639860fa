"""What can be bought now that fits, the cheapest first, at providers that are not down.

Prices of several currencies are compared by WOPR_EXCHANGE_RATES; what is booked is never converted.
"""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db.models import (
    Case,
    DecimalField,
    Expression,
    ExpressionWrapper,
    F,
    QuerySet,
    Value,
    When,
)

from billing.models import Entitlement, Plan
from fleet import regions
from fleet.models import CatalogueOffer, ProviderHealth, Server
from fleet.providers import registry
from fleet.regions import Region

# An offer in the place of one that is sold out may cost so much of its price, and no more.
DEAREST = 2
_WORTH = DecimalField(max_digits=20, decimal_places=6)


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


def holds(server: Server, need: Need) -> bool:
    """Whether a machine that is there has all that."""
    return (
        server.memory_mb >= need.memory_mb
        and server.cpus >= need.cpus
        and server.disk_gb >= need.disk_gb
    )


def rank(server: Server, need: Need) -> tuple[bool, int, int, int, UUID]:
    """Of several machines of a tenant's own its bots belong on the one that ranks highest."""
    return holds(server, need), server.memory_mb, server.disk_gb, server.cpus, server.pk


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


def priced(offers: QuerySet[CatalogueOffer]) -> QuerySet[CatalogueOffer]:
    """The cheapest a month first."""
    return offers.order_by(_worth(), "memory_mb", "provider", "region")


def best_for_its_memory(need: Need) -> CatalogueOffer | None:
    """Of what fits the one whose memory costs least."""
    each = ExpressionWrapper(_worth() / F("memory_mb"), output_field=_WORTH)
    return fitting(need).order_by(each, "memory_mb", "provider", "region").first()


def _worth() -> Expression:
    rates = settings.WOPR_EXCHANGE_RATES.items()
    known = [When(currency=currency, then=Value(rate)) for currency, rate in rates]
    rate = Case(*known, default=Value(Decimal(1)), output_field=_WORTH)
    return ExpressionWrapper(F("monthly") * rate, output_field=_WORTH)


def _worth_of(priced: Server | CatalogueOffer) -> Decimal:
    """The same, of one; an unknown currency counts as it is stated."""
    rate: Decimal = settings.WOPR_EXCHANGE_RATES.get(priced.currency, Decimal(1))
    return priced.monthly * rate


def fitting(need: Need, region: Region | None = None) -> QuerySet[CatalogueOffer]:
    """What is enough and can be bought now, the cheapest first."""
    down = ProviderHealth.objects.filter(state=ProviderHealth.State.DOWN).values("name")
    offers = enough(need, region).filter(available=True, provider__in=registry.sellers())
    return priced(offers.exclude(provider__in=down))


def instead_of(server: Server, tried: list[list[str]]) -> CatalogueOffer | None:
    """The next best for a server whose offer is sold out; None when there is none."""
    offer = CatalogueOffer.objects.filter(
        provider=server.provider, region=server.region, size=server.size
    ).first()
    need = Need(server.memory_mb, server.cpus, server.disk_gb, offer.gpu if offer else "")
    region = regions.chosen(server.tenant) if server.tenant else None
    dearest = _worth_of(server) * DEAREST
    return next(
        (
            found
            for found in fitting(need, region)
            if [found.provider, found.region, found.size] not in tried
            and _worth_of(found) <= dearest
        ),
        None,
    )
