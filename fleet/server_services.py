"""Every write about servers: ordering one, giving it back, rebooting and resizing it."""

from django.db import transaction
from django.utils import timezone

from fleet import orders, placement
from fleet.models import Operation, Server
from fleet.tasks import operation_run
from tenants.models import Tenant
from wopr.common.errors import Refused
from wopr.common.queue import wake


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
    with transaction.atomic():
        server, operation = orders.order(
            provider=provider,
            region=region,
            size=size,
            cause=cause,
            purpose=purpose,
            tenant=tenant,
        )
        wake(operation_run, operation.pk)
    return server


def server_destroy(*, server: Server, cause: str) -> Operation:
    """Gives a server back. Refused while bots live on it."""
    with transaction.atomic():
        return _woken(orders.give_back(server=server, cause=cause))


def server_reboot(*, server: Server, cause: str) -> Operation:
    with transaction.atomic():
        return _woken(orders.server_open(_up(server), "reboot", cause))


def server_resize(*, server: Server, size: str, cause: str) -> Operation:
    """To another size of the same region; the machine is off meanwhile."""
    with transaction.atomic():
        row = _up(server)
        offer = orders.offer_named(row.provider, row.region, size)
        if row.node and offer.memory_mb < (taken := placement.reserved_mb(row.node)):
            raise Refused(
                "size_too_small", f"Its bots reserve {taken} MB: {size} has less.", field="size"
            )
        Server.objects.filter(pk=row.pk).update(wanted_size=size, updated_at=timezone.now())
        return _woken(orders.server_open(row, "resize", cause))


def _up(server: Server) -> Server:
    row = Server.objects.select_for_update().get(pk=server.pk)
    if row.status not in Server.UP:
        raise Refused("server_not_ready", f"{row} is {row.status}, not ready.", status=409)
    return row


def _woken(operation: Operation) -> Operation:
    wake(operation_run, operation.pk)
    return operation
