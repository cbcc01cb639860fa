"""Every write of gpu's surfaces: ordering a GPU node, giving it back, rebooting it."""

from django.db import transaction

from fleet import server_services
from fleet.models import CatalogueOffer, Operation, Server
from gpu.models import GpuNode
from wopr.common.errors import Refused


def gpu_provision(*, provider: str, region: str, size: str, cause: str) -> GpuNode:
    """Orders a GPU node. Raises Refused for what the catalogue does not offer, or without GPU."""
    offer = CatalogueOffer.objects.filter(provider=provider, region=region, size=size).first()
    if offer is not None and not offer.gpu:
        raise Refused("no_gpu", f"{size} has no GPU.", field="size")
    with transaction.atomic():
        server = server_services.server_request(
            provider=provider,
            region=region,
            size=size,
            cause=cause,
            purpose=Server.Purpose.GPU,
        )
        return GpuNode.objects.create(name=f"gpu-{server.pk.hex[:12]}", server=server)


def gpu_destroy(*, node: GpuNode, cause: str) -> Operation:
    """Gives a node back; from now on no request goes to it. Refused for one made by hand."""
    with transaction.atomic():
        server = _server(node)
        GpuNode.objects.filter(pk=node.pk).update(accepts_requests=False)
        return server_services.server_destroy(server=server, cause=cause)


def gpu_reboot(*, node: GpuNode, cause: str) -> Operation:
    return server_services.server_reboot(server=_server(node), cause=cause)


def _server(node: GpuNode) -> Server:
    if node.server is None:
        raise Refused("made_by_hand", f"{node} was not bought by WOPR; see to it by hand.")
    return node.server
