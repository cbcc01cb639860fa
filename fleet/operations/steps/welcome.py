"""Steps that tell the customer. They come after the bot runs and never take it away again."""

import logging

from django.conf import settings

from fleet.models import Instance
from fleet.operations.base import Facts, Step
from fleet.operations.steps.sign_on import door_of
from tenants import correspondence, sign_on
from tenants.models import Document, Message
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)


class RenderWelcome(Step[Instance]):
    name = "render_welcome"
    title = "Write the welcome document"
    essential = False

    def observe(self, instance: Instance) -> Facts | None:
        document = _document(instance)
        return {"document": str(document.pk), "sha256": document.sha256} if document else None

    def act(self, instance: Instance) -> None:
        correspondence.document_render(
            tenant=instance.tenant,
            kind=Document.Kind.WELCOME,
            cause=instance.reference,
            title=f"Welcome to WOPR, {instance.tenant.name}",
            filename=f"welcome-{instance.slug}.pdf",
            context=_context(instance),
        )


class SendWelcome(Step[Instance]):
    name = "send_welcome"
    title = "Send the welcome e-mail"
    essential = False

    def observe(self, instance: Instance) -> Facts | None:
        sent = _message(instance)
        if sent is None or sent.state != Message.State.SENT:
            return None
        return {"message": sent.message_id, "recipient": sent.recipient}

    def act(self, instance: Instance) -> None:
        document = _document(instance)
        message = correspondence.message_queue(
            tenant=instance.tenant,
            kind=Message.Kind.WELCOME,
            cause=instance.reference,
            context={**_context(instance), "sign_on": _sign_on(instance)},
            attachments=[document] if document else [],
        )
        correspondence.message_send(message_id=message.pk)


def _context(instance: Instance) -> dict[str, object]:
    return {
        "instance": instance,
        "tenant": instance.tenant,
        # Made again, the document says the same.
        "dated": instance.created_at,
        "dashboard_url": f"{settings.WOPR_DASHBOARD_URL}/tenants/{instance.tenant_id}",
    }


def _sign_on(instance: Instance) -> str:
    """Where a password is chosen: the link itself is made when the letter goes out."""
    try:
        is_open = sign_on.is_configured() and sign_on.door_is_open(
            door_of(instance), instance.tenant
        )
    except ProviderError as error:
        logger.warning("the welcome to %s says nothing of single sign-on: %s", instance, error)
        return ""
    return correspondence.RECOVERY_LINK if is_open else ""


def _document(instance: Instance) -> Document | None:
    return Document.objects.filter(kind=Document.Kind.WELCOME, cause=instance.reference).first()


def _message(instance: Instance) -> Message | None:
    return Message.objects.filter(kind=Message.Kind.WELCOME, cause=instance.reference).first()
