"""Services: a machine that somebody owns becomes a node. Apart, since it needs an SSH library."""

from django.conf import settings
from django.db import transaction

from fleet.models import Node, Server
from fleet.providers.manual import Place, Survey, host_key_at, survey
from fleet.server_moves import server_move
from wopr.common.errors import Refused

Status = Server.Status


def server_adopt(
    *, place: Place, username: str, private_key: str, cause: str, region: str = ""
) -> Server:
    """Looks at it by SSH, pins its host key and measures its room. Where it is, only people know.

    Raises ProviderError when it is another machine, or does not let us in.
    """
    if Server.objects.filter(provider="manual", provider_id=str(place)).exists():
        raise Refused("adopted_before", f"{place.address} was adopted before.", status=409)
    found = survey(place, username=username, private_key=private_key)
    host_key = host_key_at(place)
    with transaction.atomic():
        server = _server(place, found, region)
        node = Node.objects.create(
            name=server.name[:63],
            engine_url=f"ssh://{username}@{place.address}:{place.port}",
            address=place.address,
            region=server.region,
            memory_mb=found.memory_mb,
            ssh_host_key=host_key,
            ssh_key=private_key,
        )
        Server.objects.filter(pk=server.pk).update(node=node)
        for status in (Status.CREATING, Status.BOOTING, Status.ENROLLING, Status.READY):
            server_move(server.pk, status, cause=cause, reason="it was there already")
    server.refresh_from_db()
    return server


def _server(place: Place, found: Survey, region: str) -> Server:
    """It costs us nothing that we know of."""
    return Server.objects.create(
        provider="manual",
        provider_id=str(place),
        address=place.address,
        region=region,
        memory_mb=found.memory_mb,
        cpus=found.cpus,
        disk_gb=found.disk_gb,
        hourly=0,
        monthly=0,
        currency=settings.WOPR_CURRENCY,
    )
