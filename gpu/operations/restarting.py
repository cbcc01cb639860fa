"""Restarting a service of a GPU node, or its machine, and seeing the work done again."""

from django.db.models import QuerySet
from django.utils import timezone

from fleet.models import Operation, Server
from fleet.operations.base import Facts, Kind, NotYet, Step, register
from fleet.operations.ledger import live_operation
from fleet.operations.servers import load_server, server_unchanged
from fleet.operations.steps import power
from fleet.providers.base import DONE
from gpu.gateways.agent import restart
from gpu.gateways.upstream import Upstream
from gpu.models import Service

# Loading a large model from disk takes minutes.
BACK_AT_WORK = 20 * 60.0


def concerned(operation: Operation) -> QuerySet[Service]:
    """The one service that the operation is about, or all of the node's."""
    services = Service.objects.filter(node__server=operation.subject_id).select_related("node")
    kind = operation.parameters.get("service")
    return services.filter(kind=kind) if kind else services


def starting(services: QuerySet[Service]) -> None:
    """No request goes there until a whole round trip has worked again."""
    services.update(
        state=Service.State.STARTING, since=timezone.now(), proven_at=None, misses=0, hits=0
    )


class RestartService(Step[Server]):
    """That it was restarted cannot be seen from outside: the accepted request stands for it."""

    name = "restart_service"
    title = "Restart the service"

    def observe(self, server: Server) -> Facts | None:
        return {"action": server.action_id} if server.action_id else None

    def act(self, server: Server) -> None:
        services = concerned(live_operation("server", server.pk))
        for service in services:
            node = service.node
            restart(Upstream(service.url, node.inference_token, node.certificate))
        starting(services)
        power.begin(server, DONE)

    def record(self, server: Server, facts: Facts) -> None:
        power.forget(server)


class RebootGpuMachine(power.Reboot):
    def act(self, server: Server) -> None:
        starting(concerned(live_operation("server", server.pk)))
        super().act(server)


class SeeAtWork(Step[Server]):
    """Proven by the probes, after it was begun."""

    name = "see_at_work"
    title = "See it at work again"
    deadline = BACK_AT_WORK
    # It takes a minute or more: the worker has better things to do.
    patience = 0.0

    def observe(self, server: Server) -> Facts | None:
        services = concerned(live_operation("server", server.pk))
        waiting = services.exclude(state=Service.State.READY).values_list("kind", flat=True)
        if waiting:
            raise NotYet(f"not ready yet: {', '.join(waiting)}", retry_in=5)
        return {"ready": list(services.values_list("kind", flat=True))}

    def act(self, server: Server) -> None:
        """The probes look every half minute."""


GPU_RESTART = register(
    Kind(
        name="gpu_restart",
        title="Restart a service of a GPU node",
        subject_kind="server",
        load=load_server,
        steps=(RestartService(), SeeAtWork()),
        failed=server_unchanged,
        undoes=False,
    )
)

GPU_REBOOT = register(
    Kind(
        name="gpu_reboot",
        title="Reboot a GPU node",
        subject_kind="server",
        load=load_server,
        steps=(RebootGpuMachine(), SeeAtWork()),
        failed=server_unchanged,
        undoes=False,
    )
)
