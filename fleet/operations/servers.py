"""Ordering, rebooting, resizing and giving back a server."""

from uuid import UUID

from fleet.models import Leak, Operation, Server
from fleet.operations.base import Kind, register
from fleet.operations.ledger import live_operation
from fleet.operations.steps import power, servers
from fleet.server_moves import moved_by


def load_server(server_id: UUID) -> Server:
    return Server.objects.select_related("node", "tenant").get(pk=server_id)


def server_unchanged(server: Server) -> None:
    """The machine is as it was last seen; the operation says what went wrong."""
    Server.objects.filter(pk=server.pk).update(wanted_size="", action_id="")


def server_not_created(server: Server) -> None:
    """Nothing is left of it, or what is left is on the books as a leak."""
    operation = live_operation("server", server.pk)
    leaked = operation.leaks.filter(resolved_at=None).exists()
    to = Server.Status.LEAKED if leaked else Server.Status.FAILED
    moved_by(operation, to, reason=operation.error)


def server_not_destroyed(server: Server) -> None:
    """What could not be given back costs money until somebody sees it gone."""
    operation = live_operation("server", server.pk)
    Leak.objects.create(
        operation=operation,
        step=servers.RemoveMachine.name,
        resource=servers.RemoveMachine.maker.resource(server),
        reason=_error_of(operation),
        cost_per_day=server.per_day,
        currency=server.currency,
    )
    moved_by(operation, Server.Status.LEAKED, reason=_error_of(operation))


def _error_of(operation: Operation) -> str:
    return operation.error or "it could not be given back"


CREATE = register(
    Kind(
        name="server_create",
        title="Order a server",
        subject_kind="server",
        load=load_server,
        steps=(
            servers.PrepareAccount(),
            servers.CreateMachine(),
            servers.BootMachine(),
            servers.AwaitEnrolment(),
            servers.VerifyEngine(),
        ),
        failed=server_not_created,
    )
)

DESTROY = register(
    Kind(
        name="server_destroy",
        title="Give a server back",
        subject_kind="server",
        load=load_server,
        steps=(servers.RemoveMachine(), servers.SeeGone()),
        failed=server_not_destroyed,
        undoes=False,
    )
)

REBOOT = register(
    Kind(
        name="server_reboot",
        title="Reboot a server",
        subject_kind="server",
        load=load_server,
        steps=(power.Reboot(),),
        failed=server_unchanged,
        undoes=False,
    )
)

RESIZE = register(
    Kind(
        name="server_resize",
        title="Resize a server",
        subject_kind="server",
        load=load_server,
        steps=(power.PowerOff(), power.ChangeSize(), power.PowerOn()),
        failed=server_unchanged,
    )
)
