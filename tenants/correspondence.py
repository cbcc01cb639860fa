"""Worker room: renders documents, queues and sends e-mail. The only user of WeasyPrint."""

import hashlib
import logging
from collections.abc import Iterable
from copy import copy
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.template.loader import render_to_string, select_template
from django.utils import timezone
from django.utils.html import escape

from tenants import sign_on
from tenants.gateways import mail
from tenants.models import Document, Message, Tenant
from wopr.common.correlation import current_id
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
# A worker that died while it sent is taken to be dead after this.
SENDING_LEASE = timedelta(minutes=2)
LONGEST_WAIT = timedelta(hours=1)
# In a letter's text the place of the owner's recovery link, which is a secret and kept nowhere.
RECOVERY_LINK = "recovery-link-made-when-the-letter-is-sent"


def document_render(
    *, tenant: Tenant, kind: str, cause: str, title: str, filename: str, context: dict[str, Any]
) -> Document:
    """The document for that cause: the stored one, or a new one from templates/documents/<kind>."""
    stored = Document.objects.filter(kind=kind, cause=cause).first()
    if stored:
        return stored
    context = {"tenant": tenant, "title": title, "seller": seller(), **context}
    html = render_to_string(f"documents/{kind}.html", context)
    content = _pdf(html)
    document, _ = Document.objects.get_or_create(
        kind=kind,
        cause=cause,
        defaults={
            "tenant": tenant,
            "title": title,
            "filename": filename,
            "content": content,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        },
    )
    return document


def seller() -> dict[str, str]:
    """Whose name stands on letters and documents."""
    return {
        "name": settings.WOPR_SELLER_NAME,
        "address": settings.WOPR_SELLER_ADDRESS,
        "email": settings.WOPR_SELLER_EMAIL,
    }


def _pdf(html: str) -> bytes:
    # Imported here: it costs seconds, and most processes never render.
    from weasyprint import HTML

    content: bytes = HTML(string=html, url_fetcher=closed_fetcher()).write_pdf(pdf_tags=True)
    return content


def closed_fetcher() -> Any:
    """Nothing but data: URLs; a template that names a file or a host fails the rendering."""
    from weasyprint.urls import URLFetcher

    return URLFetcher(allowed_protocols=("data",), fail_on_errors=True)


def message_queue(
    *,
    tenant: Tenant | None,
    kind: str,
    cause: str,
    context: dict[str, Any],
    attachments: Iterable[Document] = (),
    recipient: str = "",
) -> Message:
    """The message for that cause: the stored one, or a new one from templates/mail/<kind>.*.

    To the tenant's owner, unless it is for somebody else; without a tenant it always is.
    """
    stored = Message.objects.filter(kind=kind, cause=cause).first()
    if stored:
        return stored
    letter = letter_of(kind, {"tenant": tenant, "seller": seller(), **context})
    with transaction.atomic():
        message, created = Message.objects.get_or_create(
            kind=kind,
            cause=cause,
            defaults={
                "tenant": tenant,
                "recipient": recipient or (tenant.email if tenant else ""),
                "correlation_id": current_id(),
                **letter,
            },
        )
        if created:
            message.attachments.set(attachments)
    return message


def letter_of(kind: str, context: dict[str, Any]) -> dict[str, str]:
    """Subject, text and HTML; a letter without a page of its own has the words of its text."""
    subject = " ".join(render_to_string(f"mail/{kind}.subject.txt", context).split())
    text = render_to_string(f"mail/{kind}.txt", context)
    body = text.partition("\n-- \n")[0]
    paragraphs = [" ".join(part.split()) for part in body.split("\n\n") if part.strip()]
    page = select_template([f"mail/{kind}.html", "mail/_letter.html"])
    html = page.render({**context, "subject": subject, "paragraphs": paragraphs})
    return {"subject": subject, "text": text, "html": html}


def message_send(*, message_id: Any) -> bool:
    """Sends a message that is due and that nobody else is sending. Tells whether it is sent now.

    Raises ProviderError when the mail server cannot be reached or refuses; the message stays
    queued and is due again later.
    """
    if not _claim(message_id):
        return Message.objects.filter(pk=message_id, state=Message.State.SENT).exists()
    message = Message.objects.select_related("tenant").get(pk=message_id)
    try:
        taken = mail.send(_completed(message))
    except ProviderError as error:
        _give_back(message, str(error))
        raise ProviderError(f"The message did not go out: {error}") from error
    _record_sent(message, taken)
    return True


def _completed(message: Message) -> Message:
    """The letter as it leaves us: with a recovery link, if it has a place for one."""
    if message.tenant is None or RECOVERY_LINK not in message.text:
        return message
    link = sign_on.recovery_link(message.tenant)
    complete = copy(message)
    complete.text = message.text.replace(RECOVERY_LINK, link)
    complete.html = message.html.replace(RECOVERY_LINK, escape(link))
    return complete


def reports_store(reports: Iterable[mail.Report]) -> None:
    """Keeps what a provider says became of messages; what is older than the known says nothing."""
    for report in reports:
        if report.status not in Message.Delivery.values:
            continue  # opened, clicked and the like: none of our business
        newer = Q(delivery_at__isnull=True) | Q(delivery_at__lte=report.at)
        _reported_on(report).filter(newer).update(
            delivery=report.status, delivery_detail=report.detail, delivery_at=report.at
        )


def _reported_on(report: mail.Report) -> QuerySet[Message]:
    """By the id that the provider gave; a report may be faster than the answer that told it."""
    which = Q(provider_id=report.provider_id) & ~Q(provider_id="")
    try:
        which |= Q(pk=UUID(report.reference))
    except ValueError:
        logger.info("a report names no message of ours: %s", report.provider_id)
    return Message.objects.filter(which)


def _record_sent(message: Message, taken: mail.Taken) -> None:
    """A report that was faster than the provider's answer stays."""
    message.state, message.sent_at, message.error = Message.State.SENT, timezone.now(), ""
    message.provider_id = taken.provider_id
    message.save(update_fields=["state", "sent_at", "error", "provider_id", "updated_at"])
    Message.objects.filter(pk=message.pk, delivery_at__isnull=True).update(delivery=taken.status)


def messages_due() -> list[Any]:
    """Primary keys of the messages that should be sent now, oldest first."""
    return list(
        Message.objects.exclude(state=Message.State.SENT)
        .filter(next_attempt_at__lte=timezone.now())
        .order_by("next_attempt_at")
        .values_list("pk", flat=True)[:100]
    )


def _claim(message_id: Any) -> bool:
    """One winner: a queued message, or one whose sender has died, becomes this worker's."""
    now = timezone.now()
    claimable = Q(state=Message.State.QUEUED) | Q(
        state=Message.State.SENDING, next_attempt_at__lte=now
    )
    return bool(
        Message.objects.filter(claimable, pk=message_id).update(
            state=Message.State.SENDING,
            attempts=F("attempts") + 1,
            next_attempt_at=now + SENDING_LEASE,
        )
    )


def _give_back(message: Message, reason: str) -> None:
    wait = min(timedelta(seconds=30 * 2**message.attempts), LONGEST_WAIT)
    message.state, message.error = Message.State.QUEUED, reason
    message.next_attempt_at = timezone.now() + wait
    message.save(update_fields=["state", "error", "next_attempt_at", "updated_at"])
    logger.warning("message %s was not sent: %s", message.pk, reason)
