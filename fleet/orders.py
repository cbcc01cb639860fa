"""Worker room: servers that are ordered and given back, by people and by WOPR itself."""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from fleet import placement
from fleet.models import CatalogueOffer, Instance, Node, Operation, ProviderHealth, Server
from fleet.operations.ledger import operation_open
from fleet.providers import registry
from fleet.server_moves import server_move
from tenants.models import Tenant
from wopr.common.errors import Refused

# After an order that failed the next one waits, so that a defect does not buy all night.
PAUSE = timedelta(hours=1)
# How a machine boots depends on what it is for, and so do the operations that see to it.
_PREFIXES: dict[str, str] = {Server.Purpose.NODE: "server", Server.Purpose.GPU: "gpu"}


def order(
    *,
    provider: str,
    region: str,
    size: str,
    cause: str,
    purpose: str = Server.Purpose.NODE,
    tenant: Tenant | None = None,
) -> tuple[Server, Operation]:
    """Orders a server, by what the catalogue knows of it. Refused for what is not on offer."""
    offer = offer_named(provider, region, size)
    with transaction.atomic():
        server = Server.objects.create(
            provider=provider,
            region=region,
            size=size,
            purpose=purpose,
            tenant=tenant,
            memory_mb=offer.memory_mb,
            cpus=offer.cpus,
            disk_gb=offer.disk_gb,
            hourly=offer.hourly,
            monthly=offer.monthly,
            currency=offer.currency,
        )
        operation = server_open(server, "create", cause)
    return server, operation


def offer_named(provider: str, region: str, size: str) -> CatalogueOffer:
    """Raises Refused, naming what is wrong, for what cannot be bought."""
    registry.provider(provider)
    if provider not in registry.sellers():
        raise Refused(
            "not_sold_here",
            f"WOPR cannot order from {provider}: order the machine there, then `server_adopt` it.",
            field="provider",
        )
    if ProviderHealth.objects.filter(name=provider, state=ProviderHealth.State.DOWN).exists():
        raise Refused("provider_down", f"{provider} is down: choose another one.", status=409)
    offers = CatalogueOffer.objects.filter(provider=provider)
    if not offers.exists():
        raise Refused(
            "catalogue_empty",
            f"{provider}'s catalogue was not read yet: run `manage.py provider_health`.",
            status=409,
        )
    if not offers.filter(region=region).exists():
        raise Refused("unknown_region", f"{provider} has no region {region}.", field="region")
    offer = offers.filter(region=region, size=size).first()
    if offer is None:
        raise Refused("unknown_size", f"{provider} has no {size} in {region}.", field="size")
    if not offer.available:
        raise Refused("sold_out", f"{offer} cannot be had now.", field="size", status=409)
    return offer


def failed_lately(servers: QuerySet[Server]) -> bool:
    """Whether one of these was lost within the last hour: whoever buys by itself waits then."""
    lost = servers.filter(status__in=(Server.Status.FAILED, Server.Status.LEAKED))
    return lost.filter(status_since__gt=timezone.now() - PAUSE).exists()


def give_back(*, server: Server, cause: str) -> Operation:
    """Gives a server back. Refused while bots live on it."""
    with transaction.atomic():
        row = Server.objects.select_for_update().get(pk=server.pk)
        if _bots(row):
            raise Refused(
                "server_in_use", f"{row} has {_bots(row)} bots: drain it first.", status=409
            )
        if row.status == Server.Status.READY:
            Node.objects.filter(server=row).update(accepts_instances=False)
            server_move(row.pk, Server.Status.DRAINING, cause=cause)
        operation = server_open(row, "destroy", cause)
        server_move(row.pk, Server.Status.DESTROYING, cause=cause, operation=operation)
    return operation


def resize(*, server: Server, size: str, cause: str) -> Operation:
    """To another size of the same region; the machine is off meanwhile, and its disk stays."""
    with transaction.atomic():
        row = server_up(server)
        offer = offer_named(row.provider, row.region, size)
        if row.size == size:
            raise Refused("size_unchanged", f"{row} is a {size} already.", field="size", status=409)
        if row.node and offer.memory_mb < (taken := placement.reserved_mb(row.node)):
            raise Refused(
                "size_too_small", f"Its bots reserve {taken} MB: {size} has less.", field="size"
            )
        if offer.disk_gb < row.disk_gb:
            raise Refused(
                "disk_too_large",
                f"Its disk has {row.disk_gb} GB, which a {size} does not hold.",
                field="size",
            )
        Server.objects.filter(pk=row.pk).update(wanted_size=size, updated_at=timezone.now())
        return server_open(row, "resize", cause)


def server_up(server: Server) -> Server:
    """Its row, locked. Refused for one that is not ready."""
    row = Server.objects.select_for_update().get(pk=server.pk)
    if row.status not in Server.UP:
        raise Refused("server_not_ready", f"{row} is {row.status}, not ready.", status=409)
    return row


def _bots(server: Server) -> int:
    live = Instance.objects.exclude(status=Instance.Status.TERMINATED)
    return live.filter(node__server=server).count()


def server_open(server: Server, what: str, cause: str) -> Operation:
    """Opens an operation on it, of the kind that its purpose asks for."""
    kind = f"{_PREFIXES[server.purpose]}_{what}"
    return operation_open(kind=kind, subject=server, tenant=server.tenant, cause=cause)
