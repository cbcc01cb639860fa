"""Every write of fleet's surfaces. Each opens operations and wakes a worker after commit."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from fleet import convergence, disks, lifecycle, standings, variables
from fleet.models import Backup, Instance, Leak, Node, Operation
from fleet.tasks import operation_run
from wopr.common.errors import ProviderError, Refused
from wopr.common.queue import wake


def tenant_converge(*, tenant_id: UUID) -> list[Operation]:
    """Opens what the tenant's entitlement and standing ask for, and wakes a worker for each."""
    operations = convergence.tenant_converge(tenant_id=tenant_id)
    operations += standings.follow(tenant_ids=[tenant_id])
    for operation in operations:
        wake(operation_run, operation.pk)
    return operations


def instance_retry(*, instance: Instance, cause: str) -> Operation:
    """Sets a failed bot up again, where there is room. Raises Refused for any other."""
    lifecycle.insist_service(instance)
    try:
        return _woken(convergence.instance_reprovision(instance=instance, cause=cause))
    except ProviderError as error:
        raise Refused("no_room", str(error), status=409) from error


def instance_start(*, instance: Instance, cause: str) -> Operation:
    return _woken(lifecycle.operation_open(kind="start", instance=instance, cause=cause))


def instance_stop(*, instance: Instance, cause: str) -> Operation:
    return _woken(lifecycle.operation_open(kind="stop", instance=instance, cause=cause))


def instance_restart(*, instance: Instance, cause: str) -> Operation:
    return _woken(lifecycle.operation_open(kind="restart", instance=instance, cause=cause))


def instance_delete(*, instance: Instance, cause: str) -> Operation:
    """Ends a bot that its tenant does not want any more; its last backup is kept for a while."""
    return _woken(lifecycle.delete(instance=instance, cause=cause))


def instance_back_up(*, instance: Instance, cause: str) -> Operation:
    return _woken(lifecycle.operation_open(kind="backup", instance=instance, cause=cause))


def instance_restore(*, instance: Instance, backup: Backup, cause: str) -> Operation:
    """Puts a backup of any of the tenant's bots in the place of this one's data."""
    return _woken(lifecycle.restore(instance=instance, backup=backup, cause=cause))


def instance_clone(*, instance: Instance, cause: str, backup: Backup | None = None) -> Operation:
    """Makes another bot of this one's backup, or of its data as they are now."""
    return _woken_last(lifecycle.clone(instance=instance, backup=backup, cause=cause))


def instance_clone_into(
    *, instance: Instance, target: Instance, cause: str, backup: Backup | None = None
) -> Operation:
    """Puts this bot's data, or a backup of them, in the place of another one's."""
    return _woken_last(
        lifecycle.clone_into(instance=instance, target=target, backup=backup, cause=cause)
    )


def _woken_last(operations: list[Operation]) -> Operation:
    """Wakes workers for all of them; the last is the one that was asked for."""
    *before, cloning = operations
    for operation in before:
        _woken(operation)
    return _woken(cloning)


def instance_rename(*, instance: Instance, slug: str, cause: str) -> Operation:
    return _woken(lifecycle.rename(instance=instance, slug=slug, cause=cause))


def variables_change(
    *, instance: Instance, values: Mapping[str, str], removed: Iterable[str], cause: str
) -> Operation | None:
    """Changes a bot's variables; None when a stopped bot gets them at its next start."""
    operation = variables.change(instance=instance, values=values, removed=removed, cause=cause)
    return _woken(operation) if operation else None


def _woken(operation: Operation) -> Operation:
    wake(operation_run, operation.pk)
    return operation


def instance_disk_grace(*, instance: Instance, cause: str, by_staff: bool = False) -> None:
    """Lets a bot whose disk is full run for an hour. Raises Refused."""
    with transaction.atomic():
        operation = disks.grace_grant(instance=instance, cause=cause, by_staff=by_staff)
        if operation is not None:
            wake(operation_run, operation.pk)


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


def node_add(
    *,
    name: str,
    engine_url: str,
    address: str,
    memory_mb: int,
    region: str = "",
    **credentials: str,
) -> Node:
    """A machine with a container engine, added or brought up to date by its name.

    Credentials are the node's fields of TLS and SSH; what is not named stays as it is, and so does
    an empty region.
    """
    node, _ = Node.objects.update_or_create(
        name=name,
        defaults={
            "engine_url": engine_url,
            "address": address,
            "memory_mb": memory_mb,
            **({"region": region} if region else {}),
            **credentials,
        },
    )
    return node
