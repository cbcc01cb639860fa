"""Ordering a GPU node, and giving one back: the servers' operations with a boot of another kind."""

from django.conf import settings

from fleet import declared
from fleet.models import Server
from fleet.operations.base import Facts, Kind, NotYet, Step, register
from fleet.operations.ledger import live_operation
from fleet.operations.servers import load_server, server_not_created, server_not_destroyed
from fleet.operations.steps import servers
from fleet.providers.base import Order
from fleet.server_moves import moved_by
from gpu.models import GpuNode, Service
from gpu.user_data import user_data
from wopr.common.errors import ProviderError


def node_of(server: Server) -> GpuNode:
    return GpuNode.objects.get(server=server)


class CreateGpuMachine(servers.CreateMachine):
    """Found again by its name like any server; only what it is told at its birth differs."""

    @staticmethod
    def order(server: Server) -> Order:
        vendor, node = servers.of(server), node_of(server)
        return Order(
            name=server.name,
            deployment=settings.WOPR_DEPLOYMENT,
            region=server.region,
            size=server.size,
            image=node.image,
            user_data=user_data(node),
            keys=declared.order_keys(vendor),
        )


class BootGpuMachine(servers.BootMachine):
    def record(self, server: Server, facts: Facts) -> None:
        super().record(server, facts)
        GpuNode.objects.filter(server=server).update(address=facts["address"])


class AwaitBoot(Step[Server]):
    """The node itself reports its stages; here they are only looked at."""

    name = "await_boot"
    title = "Wait until it has booted"
    deadline = 6 * 3600.0

    def observe(self, server: Server) -> Facts | None:
        node = node_of(server)
        if node.stage == GpuNode.Stage.FAILED:
            raise ProviderError(f"the boot failed: {node.failure}", permanent=True)
        if node.stage != GpuNode.Stage.DONE:
            raise NotYet(f"it is at {node.stage}", retry_in=5)
        return {"stage": node.stage}

    def act(self, server: Server) -> None:
        """It is the machine that acts."""

    def undo(self, server: Server) -> None:
        node_of(server).retire(GpuNode.Stage.FAILED)


class VerifyServices(Step[Server]):
    """Ready means that each service did a whole round trip of its work."""

    name = "verify_services"
    title = "See every service at work"
    deadline = 3600.0

    def observe(self, server: Server) -> Facts | None:
        states = dict(node_of(server).services.values_list("kind", "state"))
        waiting = [kind for kind, state in states.items() if state != Service.State.READY]
        if waiting or not states:
            raise NotYet(f"not ready yet: {', '.join(waiting) or 'all'}", retry_in=5)
        return {"ready": sorted(states)}

    def act(self, server: Server) -> None:
        """The probes look every half minute."""

    def record(self, server: Server, facts: Facts) -> None:
        moved_by(live_operation("server", server.pk), Server.Status.READY)


class SeeGpuGone(servers.SeeGone):
    def record(self, server: Server, facts: Facts) -> None:
        super().record(server, facts)
        node_of(server).retire(GpuNode.Stage.GONE)


GPU_CREATE = register(
    Kind(
        name="gpu_create",
        title="Order a GPU node",
        subject_kind="server",
        load=load_server,
        steps=(
            servers.PrepareAccount(),
            CreateGpuMachine(),
            BootGpuMachine(),
            AwaitBoot(),
            VerifyServices(),
        ),
        failed=server_not_created,
    )
)

GPU_DESTROY = register(
    Kind(
        name="gpu_destroy",
        title="Give a GPU node back",
        subject_kind="server",
        load=load_server,
        steps=(servers.RemoveMachine(), SeeGpuGone()),
        failed=server_not_destroyed,
        undoes=False,
    )
)
