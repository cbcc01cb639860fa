"""Every write about servers: ordering one, giving it back, rebooting and resizing it."""

from django.db import transaction

from fleet import orders
from fleet.models import Operation, Server
from fleet.tasks import operation_run
from tenants.models import Tenant
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
        return _woken(orders.server_open(orders.server_up(server), "reboot", cause))


def server_resize(*, server: Server, size: str, cause: str) -> Operation:
    """To another size of the same region; the machine is off meanwhile, and its disk stays."""
    with transaction.atomic():
        return _woken(orders.resize(server=server, size=size, cause=cause))


def _woken(operation: Operation) -> Operation:
    wake(operation_run, operation.pk)
    return operation
