"""Every write about servers: ordering one, giving it back, rebooting and resizing it."""

from django.db import transaction
from django.utils import timezone

from fleet.models import CatalogueOffer, Instance, Node, Operation, ProviderHealth, Server
from fleet.operations.ledger import operation_open
from fleet.providers import registry
from fleet.server_moves import server_move
from fleet.tasks import operation_run
from tenants.models import Tenant
from wopr.common.errors import Refused
from wopr.common.queue import wake

# How a machine boots depends on what it is for, and so do the operations that see to it.
_PREFIXES: dict[str, str] = {Server.Purpose.NODE: "server", Server.Purpose.GPU: "gpu"}


def server_request(
    *,
    provider: str,
    region: str,
    size: str,
    cause: str,
    purpose: str = Server.Purpose.NODE,
    tenant: Tenant | None = None,
) -> Server:
    """Orders a server, by what the catalogue knows of it. Refused for what is not on offer."""
    offer = _offer(provider, region, size)
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
        _open(f"{_PREFIXES[purpose]}_create", server, cause)
    return server


def _offer(provider: str, region: str, size: str) -> CatalogueOffer:
    registry.provider(provider)
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


def server_destroy(*, server: Server, cause: str) -> Operation:
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
        operation = _open(f"{_PREFIXES[row.purpose]}_destroy", row, cause)
        server_move(row.pk, Server.Status.DESTROYING, cause=cause, operation=operation)
    return operation


def _bots(server: Server) -> int:
    live = Instance.objects.exclude(status=Instance.Status.TERMINATED)
    return live.filter(node__server=server).count()


def server_reboot(*, server: Server, cause: str) -> Operation:
    with transaction.atomic():
        row = _ready(server)
        return _open(f"{_PREFIXES[row.purpose]}_reboot", row, cause)


def server_resize(*, server: Server, size: str, cause: str) -> Operation:
    """To another size of the same region; the machine is off meanwhile."""
    with transaction.atomic():
        row = _ready(server)
        _offer(row.provider, row.region, size)
        Server.objects.filter(pk=row.pk).update(wanted_size=size, updated_at=timezone.now())
        return _open("server_resize", row, cause)


def _ready(server: Server) -> Server:
    row = Server.objects.select_for_update().get(pk=server.pk)
    if row.status != Server.Status.READY:
        raise Refused("server_not_ready", f"{row} is {row.status}, not ready.", status=409)
    return row


def _open(kind: str, server: Server, cause: str) -> Operation:
    operation = operation_open(kind=kind, subject=server, tenant=server.tenant, cause=cause)
    wake(operation_run, operation.pk)
    return operation
