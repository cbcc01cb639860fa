"""Every write of fleet's surfaces. Each opens operations and wakes a worker after commit."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from fleet import convergence, standings
from fleet.models import Instance, Leak, Node, Operation
from fleet.tasks import operation_run
from wopr.common.errors import Refused
from wopr.common.queue import wake


def tenant_converge(*, tenant_id: UUID) -> list[Operation]:
    """Opens what the tenant's entitlement and standing ask for, and wakes a worker for each."""
    operations = convergence.tenant_converge(tenant_id=tenant_id)
    operations += standings.follow(tenant_ids=[tenant_id])
    for operation in operations:
        wake(operation_run, operation.pk)
    return operations


def instance_retry(*, instance: Instance, cause: str) -> Operation:
    """Sets a failed bot up again. Raises Refused for any other."""
    with transaction.atomic():
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        if row.status != Instance.Status.FAILED:
            raise Refused(
                "instance_not_failed",
                f"{row.slug} is {row.status}; only a failed bot is set up again.",
                status=409,
            )
        operation = convergence.instance_reprovision(instance=row, cause=cause)
        wake(operation_run, operation.pk)
    return operation


def operation_wake(*, operation: Operation) -> None:
    """Has a worker take the operation up now instead of at its next try. Refused once it ended."""
    now = timezone.now()
    live = Operation.objects.live().filter(pk=operation.pk)
    if not live.exists():
        raise Refused(
            "operation_ended", "The operation has ended; there is nothing to run.", status=409
        )
    live.filter(next_attempt_at__gt=now).update(next_attempt_at=now)
    wake(operation_run, operation.pk)


def leak_resolve(*, leak: Leak) -> None:
    """Closes a leak that a person saw gone. The row stays on the books."""
    closed = Leak.objects.filter(pk=leak.pk, resolved_at=None).update(resolved_at=timezone.now())
    if not closed:
        raise Refused("leak_resolved", "This leak was closed before.", status=409)


def node_add(*, name: str, engine_url: str, address: str, memory_mb: int) -> Node:
    """A machine with a container engine, added or brought up to date by its name."""
    node, _ = Node.objects.update_or_create(
        name=name,
        defaults={"engine_url": engine_url, "address": address, "memory_mb": memory_mb},
    )
    return node
