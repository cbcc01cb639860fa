"""Every write about GPU nodes: ordering one, giving it back, rebooting it, restarting a service."""

from django.db import transaction

from fleet import images, server_services
from fleet.models import CatalogueOffer, Operation, Server
from fleet.operations.ledger import operation_open
from fleet.tasks import operation_run
from gpu import equipment
from gpu.models import GpuNode, Service
from wopr.common.errors import Refused
from wopr.common.queue import wake


def gpu_provision(*, provider: str, region: str, size: str, cause: str, image: str = "") -> GpuNode:
    """Orders a GPU node. Raises Refused for what the catalogue does not offer, or without GPU."""
    equipment.require()
    offer = CatalogueOffer.objects.filter(provider=provider, region=region, size=size).first()
    if offer is not None and not offer.gpu:
        raise Refused("no_gpu", f"{size} has no GPU, as far as {provider} tells.", field="size")
    with transaction.atomic():
        server = server_services.server_request(
            provider=provider,
            region=region,
            size=size,
            cause=cause,
            purpose=Server.Purpose.GPU,
        )
        node = GpuNode.objects.create(
            name=f"gpu-{server.pk.hex[:12]}", server=server, wanted_image=image
        )
        images.require(provider, node.image, setting="WOPR_GPU_IMAGE")
    return node


def gpu_destroy(*, node: GpuNode, cause: str) -> Operation:
    """Gives a node back; from now on no request goes to it. Refused for one made by hand."""
    with transaction.atomic():
        server = server_of(node)
        GpuNode.objects.filter(pk=node.pk).update(accepts_requests=False)
        return server_services.server_destroy(server=server, cause=cause)


def gpu_reboot(*, node: GpuNode, cause: str) -> Operation:
    return server_services.server_reboot(server=server_of(node), cause=cause)


def service_restart(*, service: Service, cause: str) -> Operation:
    """Has the node make one of its services anew; requests under way on it are lost."""
    server = server_of(service.node)
    with transaction.atomic():
        operation = operation_open(
            kind="gpu_restart",
            subject=server,
            tenant=None,
            cause=cause,
            parameters={"service": service.kind},
        )
        wake(operation_run, operation.pk)
    return operation


def server_of(node: GpuNode) -> Server:
    """Its machine. Refused for a node made by hand."""
    if node.server is None:
        raise Refused("made_by_hand", f"{node} was not bought by WOPR; see to it by hand.")
    return node.server
