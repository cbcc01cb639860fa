"""The only way in which a server's status changes: by a guarded transition, with its history."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from fleet.models import CatalogueOffer, Node, Operation, Server, ServerMove
from wopr.common.errors import Refused


def server_move(
    server_id: UUID,
    to: str,
    *,
    cause: str,
    reason: str = "",
    operation: Operation | None = None,
) -> None:
    """Moves the server on. One that is there already stays; a way that is none is Refused."""
    with transaction.atomic():
        server = Server.objects.select_for_update().get(pk=server_id)
        if server.status == to:
            return
        if not server.may_become(to):
            raise Refused(
                "server_not_there", f"{server} is {server.status}: it cannot become {to}.",
                status=409,
            )  # fmt: skip
        ServerMove.objects.create(
            server=server,
            before=server.status,
            after=to,
            cause=cause[:200],
            reason=reason,
            operation=operation,
        )
        now = timezone.now()
        Server.objects.filter(pk=server_id).update(
            status=to, status_since=now, reason=reason, updated_at=now
        )


def node_server_move(node: Node, before: str, to: str, *, cause: str) -> None:
    """Moves the server behind a node on, if it is there; a node may have none."""
    for server in Server.objects.filter(node=node, status=before):
        server_move(server.pk, to, cause=cause)


def moved_by(operation: Operation, to: str, *, reason: str = "") -> None:
    """Moves an operation's server, in the operation's name."""
    server_move(operation.subject_id, to, cause=operation.cause, reason=reason, operation=operation)


BOOKED = ("memory_mb", "cpus", "disk_gb", "hourly", "monthly", "currency")


def server_book(server: Server, offer: CatalogueOffer) -> None:
    """The server is of this offer from now on: where, how large, and at what price."""
    booked = {name: getattr(offer, name) for name in ("provider", "region", "size", *BOOKED)}
    Server.objects.filter(pk=server.pk).update(**booked, updated_at=timezone.now())
    for name, value in booked.items():
        setattr(server, name, value)
