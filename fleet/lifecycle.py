"""Worker room: which operation may be opened on a bot when, and what its owner wants from then on.

Every refusal says why, and what would have to be done first.
"""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from billing.models import Entitlement
from billing.standing import Service, Standing, standing_for
from fleet import convergence, disks
from fleet.models import Backup, Instance, Operation, Route, Variable
from fleet.operations import ledger
from tenants.models import Tenant
from tenants.names import validate_slug
from wopr.common.errors import Refused

Status, Desired = Instance.Status, Instance.Desired


@dataclass(frozen=True)
class Rule:
    """From which states a kind of operation may start, and what the owner wants with it."""

    statuses: tuple[str, ...]
    desired: str = ""


UP, UP_OR_DOWN = (Status.RUNNING,), (Status.RUNNING, Status.STOPPED)
RULES = {
    "start": Rule((Status.STOPPED,), Desired.RUNNING),
    "stop": Rule(UP, Desired.STOPPED),
    "restart": Rule(UP),
    "reconfigure": Rule(UP),
    "rename": Rule(UP),
    "backup": Rule(UP_OR_DOWN),
    "prove": Rule(UP_OR_DOWN),
    "restore": Rule(UP_OR_DOWN, Desired.RUNNING),
    "update": Rule(UP),
    "roll_back": Rule(UP),
}
# Why a state is in the way, and what to do about it.
_REASONS = {
    Status.RUNNING: ("already_running", "{} runs already."),
    Status.STOPPED: ("instance_stopped", "{} is stopped; start it first."),
    Status.STARTING: ("instance_starting", "{} is still being set up; wait for it."),
    Status.SUSPENDED: ("instance_suspended", "{} is suspended."),
    Status.FAILED: ("instance_failed", "{} could not be set up; set it up again first."),
    Status.TERMINATED: ("instance_terminated", "{} was deleted."),
}


def operation_open(
    *, kind: str, instance: Instance, cause: str, parameters: dict[str, Any] | None = None
) -> Operation:
    """Opens the operation if the bot's state and its tenant's standing allow it.

    Raises Refused: 409 for what is in the way, 402 for what is not paid.
    """
    with transaction.atomic():
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        insist_possible(kind=kind, instance=row)
        operation = ledger.operation_open(
            kind=kind,
            subject=row,
            tenant=row.tenant,
            cause=cause,
            parameters={"was": row.status, **(parameters or {})},
        )
        if RULES[kind].desired:
            row.desired = RULES[kind].desired
            row.save(update_fields=["desired", "updated_at"])
    return operation


def insist_possible(*, kind: str, instance: Instance) -> None:
    """Raises Refused when another operation, the standing or the bot's state is in the way."""
    _insist_idle(instance)
    insist_service(instance)
    _insist_status(instance, kind)
    if kind == "start":
        disks.insist_room(instance)


def _insist_status(instance: Instance, kind: str) -> None:
    """Raises Refused when the kind makes no sense for a bot in this state."""
    status = Status(instance.status)
    if status in RULES[kind].statuses:
        return
    code, reason = _REASONS[status]
    if kind == "stop" and status == Status.STOPPED:
        code, reason = "already_stopped", "{} is stopped already."
    raise Refused(code, reason.format(instance), status=409)


def delete(*, instance: Instance, cause: str) -> Operation:
    """Opens the end of a bot that its tenant does not want any more.

    Raises Refused while the plan pays for it, since another would be set up in its place.
    """
    with transaction.atomic():
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        _insist_idle(row)
        _insist_deletable(row)
        operation = ledger.operation_open(
            kind="terminate", subject=row, tenant=row.tenant, cause=cause
        )
        # Kept in the row, so that an ending that fails is tried again until it is done.
        row.desired = Desired.DELETED
        row.save(update_fields=["desired", "updated_at"])
    return operation


def _insist_deletable(instance: Instance) -> None:
    standing = standing_for(instance.tenant_id)
    if instance.status == Status.TERMINATED:
        code, reason = _REASONS[Status.TERMINATED]
        raise Refused(code, reason.format(instance), status=409)
    if standing.service != Service.RUN:
        if not _is_unpaid(standing):
            _refuse_service(instance, standing)
        return
    alive = instance.tenant.instances.exclude(status=Status.TERMINATED).count()
    if alive <= standing.bots:
        raise Refused(
            "bot_in_plan",
            f"Your plan runs {standing.bots} and you have {alive}, so another bot would be set up"
            f" in the place of {instance}. Take a bot out of your plan first, or cancel it.",
            status=409,
        )


def rename(*, instance: Instance, slug: str, cause: str) -> Operation:
    """Opens a rename; the new name is the bot's from this moment, so that nobody else gets it."""
    with transaction.atomic():
        _insist_free(slug, instance)
        parameters = {"from": instance.slug, "to": slug}
        operation = operation_open(
            kind="rename", instance=instance, cause=cause, parameters=parameters
        )
        Instance.objects.filter(pk=instance.pk).update(slug=slug)
    return operation


def restore(*, instance: Instance, backup: Backup, cause: str) -> Operation:
    """Opens a restore of any backup of the same tenant's bots."""
    insist_usable(backup, instance.tenant)
    return operation_open(
        kind="restore", instance=instance, cause=cause, parameters={"backup": str(backup.pk)}
    )


def clone(*, instance: Instance, cause: str, backup: Backup | None = None) -> list[Operation]:
    """Opens a bot made from a backup of this one; without one, a backup is taken first.

    Raises Refused when the plan has no bot left.
    """
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=instance.tenant_id)
        entitlement = _insist_room(tenant)
        taken, parameters = _copied_from(instance, backup, cause)
        copy = convergence.instance_place(
            tenant, entitlement, image=instance.image, release=instance.release
        )
        _copy_variables(instance, copy)
        cloning = ledger.operation_open(
            kind="clone", subject=copy, tenant=tenant, cause=cause, parameters=parameters
        )
    return [*taken, cloning]


def clone_into(
    *, instance: Instance, target: Instance, cause: str, backup: Backup | None = None
) -> list[Operation]:
    """Opens a restore of this bot's data in the place of another one's of the same tenant.

    What that one has now is backed up first; its name, tokens and variables stay its own.
    """
    if target.pk == instance.pk or target.tenant_id != instance.tenant_id:
        raise Refused("instance_unknown", "There is no such other bot.", field="into", status=404)
    with transaction.atomic():
        taken, parameters = _copied_from(instance, backup, cause)
        restoring = operation_open(
            kind="restore", instance=target, cause=cause, parameters=parameters
        )
    return [*taken, restoring]


def _copied_from(
    instance: Instance, backup: Backup | None, cause: str
) -> tuple[list[Operation], dict[str, str]]:
    """Where the data are to come from: this backup, or one that is taken first."""
    if backup is not None:
        insist_usable(backup, instance.tenant)
        return [], {"backup": str(backup.pk)}
    taking = operation_open(kind="backup", instance=instance, cause=cause)
    return [taking], {"after": str(taking.pk)}


def insist_usable(backup: Backup, tenant: Tenant) -> None:
    """Raises Refused for a backup that is somebody else's, gone, or was never proven."""
    if backup.instance.tenant_id != tenant.pk:
        raise Refused("backup_unknown", "There is no such backup.", field="backup", status=404)
    if backup.forgotten_at is not None:
        raise Refused("backup_gone", "This backup was deleted.", field="backup", status=409)
    if backup.proven_at is None:
        raise Refused(
            "backup_unproven",
            "This backup was never seen to restore; choose another one.",
            field="backup",
            status=409,
        )


def _insist_idle(instance: Instance) -> None:
    live = Operation.objects.live().filter(subject_kind="instance", subject_id=instance.pk)
    if live.exists():
        raise Refused(
            "operation_live",
            f"Another operation on {instance} is under way; wait for it to end.",
            status=409,
        )


def insist_service(instance: Instance) -> None:
    """Raises Refused unless the bot may run now: paid for, not held, within the plan."""
    standing = standing_for(instance.tenant_id)
    if standing.service != Service.RUN:
        _refuse_service(instance, standing)
    if instance.status == Status.SUSPENDED:
        raise Refused(
            "instance_suspended",
            f"{instance} is suspended: it is about to come back, or your plan runs fewer bots"
            " than you have. Add a bot to your plan to run it.",
            status=409,
        )
    if instance.status == Status.FAILED and not convergence.is_in_plan(instance):
        raise Refused(
            "no_free_bot",
            f"Your plan runs fewer bots than you have. Add a bot to your plan to run {instance}.",
            status=409,
        )


def _is_unpaid(standing: Standing) -> bool:
    return standing.reason in {"payment", "no plan"}


def _refuse_service(instance: Instance, standing: Standing) -> None:
    if _is_unpaid(standing):
        raise Refused(
            "payment_required",
            f"{instance} is not paid for. Settle the payment in Billing, then try again.",
            status=402,
        )
    raise Refused("tenant_held", f"{instance} is suspended: {standing.reason}.", status=409)


def _insist_room(tenant: Tenant) -> Entitlement:
    entitlement = Entitlement.objects.select_related("plan").filter(tenant=tenant).first()
    standing = standing_for(tenant.pk)
    if entitlement is None or not entitlement.entitled or standing.service != Service.RUN:
        raise Refused("payment_required", "There is no paid plan to run a copy.", status=402)
    alive = tenant.instances.exclude(status=Status.TERMINATED).count()
    if alive >= entitlement.bots:
        raise Refused(
            "no_free_bot",
            f"Your plan runs {entitlement.bots} and you have {alive}. Add a bot to your plan; it is"
            " set up within minutes. Then copy this bot's data into it, or into any of yours.",
            status=409,
        )
    return entitlement


def _insist_free(slug: str, instance: Instance) -> None:
    """A bot's name must be nobody's: no other tenant's, no other bot's, no route's."""
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise Refused(error.code or "invalid", error.messages[0], field="slug") from error
    if slug == instance.slug:
        raise Refused("slug_unchanged", "It is called that already.", field="slug", status=409)
    theirs = Tenant.objects.filter(slug=slug).exclude(pk=instance.tenant_id)
    hostname = Instance(slug=slug).hostname
    if (
        theirs.exists()
        or convergence.taken_slugs([slug])
        or Route.objects.filter(hostname=hostname).exists()
    ):
        raise Refused("slug_taken", f"“{slug}” is taken. Choose another name.", field="slug")


def _copy_variables(source: Instance, copy: Instance) -> None:
    for v in source.variables.all():
        if v.value:
            Variable.objects.create(instance=copy, name=v.name, value=v.value, proven=v.value)
