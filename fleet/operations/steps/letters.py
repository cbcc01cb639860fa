"""Steps that tell the customer what was done to a bot. None of them holds the operation up."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from billing.standing import DELETION, standing_for
from fleet.models import Backup, Instance
from fleet.operations.base import Facts, Step
from fleet.operations.ledger import live_operation
from fleet.operations.steps.removal import MAKERS
from tenants import correspondence
from tenants.models import Document, Message


class Tell(Step[Instance]):
    """Sends the letter of a kind, once for each operation."""

    essential = False

    def __init__(self, kind: Message.Kind, *, title: str) -> None:
        self.kind = kind
        self.name, self.title = f"tell_{kind}", title  # type: ignore[misc]  # of each object

    def observe(self, instance: Instance) -> Facts | None:
        sent = Message.objects.filter(
            kind=self.kind, cause=_cause(instance), state=Message.State.SENT
        ).first()
        return {"message": sent.message_id, "recipient": sent.recipient} if sent else None

    def act(self, instance: Instance) -> None:
        message = correspondence.message_queue(
            tenant=instance.tenant,
            kind=self.kind,
            cause=_cause(instance),
            context=_context(instance),
            attachments=Document.objects.filter(cause=_cause(instance)),
        )
        correspondence.message_send(message_id=message.pk)


class WriteTermination(Step[Instance]):
    """The receipt: what was removed and seen to be gone, and where the last backup is."""

    name = "write_termination"
    title = "Write the termination receipt"
    essential = False

    def observe(self, instance: Instance) -> Facts | None:
        document = Document.objects.filter(
            kind=Document.Kind.TERMINATION, cause=_cause(instance)
        ).first()
        return {"document": str(document.pk), "sha256": document.sha256} if document else None

    def act(self, instance: Instance) -> None:
        correspondence.document_render(
            tenant=instance.tenant,
            kind=Document.Kind.TERMINATION,
            cause=_cause(instance),
            title=f"The bot {instance.slug} was deleted",
            filename=f"termination-{instance.slug}.pdf",
            context={
                "instance": instance,
                "dated": instance.terminated_at or timezone.now(),
                "absent": [maker.resource(instance) for maker in MAKERS],
                "backup": _last_backup(instance),
                "export_until": _offered_until(instance),
            },
        )


def _cause(instance: Instance) -> str:
    return f"operation:{live_operation('instance', instance.pk).pk}"


def _last_backup(instance: Instance) -> Backup | None:
    proven = Backup.objects.filter(instance=instance, proven_at__isnull=False)
    return proven.select_related("instance").order_by("-taken_at").first()


def _offered_until(instance: Instance) -> datetime | None:
    """Nothing is, once the whole tenant is deleted."""
    if standing_for(instance.tenant_id).reason == DELETION:
        return None
    backup = _last_backup(instance)
    return backup.offered_until if backup else None


def _restored_from(instance: Instance) -> Backup | None:
    """The backup that the operation was told to restore, if it was told one."""
    parameters = live_operation("instance", instance.pk).parameters
    return (
        Backup.objects.filter(pk=parameters["backup"]).first() if "backup" in parameters else None
    )


def _export_url(instance: Instance) -> str:
    backup = _last_backup(instance)
    if backup is None:
        return ""
    path = reverse("export-content", args=[instance.tenant_id, backup.pk])
    return f"{settings.WOPR_DASHBOARD_URL}{path}"


def _context(instance: Instance) -> dict[str, Any]:
    standing = standing_for(instance.tenant_id)
    return {
        "instance": instance,
        "by_payment": standing.reason == "payment",
        "by_deletion": standing.reason == DELETION,
        "ends_at": standing.ends_at,
        "export_url": _export_url(instance),
        "export_until": _offered_until(instance),
        "backup": _restored_from(instance),
        "action": {
            "url": f"{settings.WOPR_DASHBOARD_URL}/tenants/{instance.tenant_id}",
            "label": "Open your dashboard",
        },
    }
