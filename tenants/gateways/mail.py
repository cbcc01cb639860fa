"""The way out for e-mail: SMTP, or a provider by django-anymail. The only user of either.

Source: anymail.dev/en/stable ("Anymail additions", "Tracking sent mail status").
"""

import smtplib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anymail.exceptions import AnymailError
from anymail.webhooks.base import AnymailCoreWebhookView
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from tenants.models import Message
from wopr.common.errors import ProviderError

SMTP = "smtp"
# Providers whose reports we understand; the class that does is in anymail.webhooks.<provider>.
PROVIDERS = {
    "brevo": "BrevoTrackingWebhookView",
    "mailersend": "MailerSendTrackingWebhookView",
    "mailgun": "MailgunTrackingWebhookView",
    "mailjet": "MailjetTrackingWebhookView",
    "postmark": "PostmarkTrackingWebhookView",
    "resend": "ResendTrackingWebhookView",
    "sendgrid": "SendGridTrackingWebhookView",
    "sparkpost": "SparkPostTrackingWebhookView",
}
# Postmark replaces the Message-ID unless it is asked not to.
EXTRA_HEADERS = {"postmark": {"X-PM-KeepID": "true"}}
REFERENCE = "wopr_message"


@dataclass(frozen=True)
class Taken:
    """What a provider said when it took a message; SMTP says nothing."""

    provider_id: str = ""
    status: str = ""


@dataclass(frozen=True)
class Report:
    """What a provider tells later of a message: delivered, bounced, taken for spam."""

    provider_id: str
    reference: str
    status: str
    detail: str
    at: datetime


def send(message: Message) -> Taken:
    """Hands the message over. Raises ProviderError when it was not taken."""
    mail = _mail(message)
    hand_over(mail)
    told: Any = getattr(mail, "anymail_status", None)
    if told is None:
        return Taken()
    known = [status for status in told.status or () if status in Message.Delivery.values]
    return Taken(provider_id=str(told.message_id or ""), status=known[0] if known else "")


def send_plain(addresses: list[str], *, subject: str, text: str) -> None:
    """A note to staff, without a row of its own. Raises ProviderError when it was not taken."""
    hand_over(EmailMultiAlternatives(f"[WOPR] {subject}", text, to=addresses))


def hand_over(mail: EmailMultiAlternatives) -> None:
    """Raises ProviderError when it was not taken."""
    try:
        mail.send()
    except (OSError, smtplib.SMTPException, AnymailError) as error:
        raise ProviderError(str(error) or type(error).__name__) from error


def reports_of(request: HttpRequest) -> list[Report]:
    """What the configured provider reports. An impostor's request is a SuspiciousOperation."""
    view = _tracking_view()
    view.setup(request)
    view.run_validators(request)
    return [_report(event) for event in view.parse_events(request)]


def hears_reports() -> bool:
    """Whether there is a provider that reports, and a secret by which it is known."""
    return settings.WOPR_EMAIL_PROVIDER in PROVIDERS and bool(settings.ANYMAIL["WEBHOOK_SECRET"])


def _tracking_view() -> AnymailCoreWebhookView:
    provider = settings.WOPR_EMAIL_PROVIDER
    view: AnymailCoreWebhookView = import_string(
        f"anymail.webhooks.{provider}.{PROVIDERS[provider]}"
    )()
    return view


def _report(event: Any) -> Report:
    return Report(
        provider_id=str(event.message_id or ""),
        reference=str((event.metadata or {}).get(REFERENCE, "")),
        status=event.event_type,
        detail=event.mta_response or event.description or event.reject_reason or "",
        at=event.timestamp or timezone.now(),
    )


def _mail(message: Message) -> EmailMultiAlternatives:
    mail = EmailMultiAlternatives(
        subject=message.subject,
        body=message.text,
        to=[message.recipient],
        headers={
            "Message-ID": message.message_id,
            "X-Correlation-ID": message.correlation_id or "none",
            "Auto-Submitted": "auto-generated",
            **EXTRA_HEADERS.get(settings.WOPR_EMAIL_PROVIDER, {}),
        },
    )
    mail.attach_alternative(message.html, "text/html")
    for document in message.attachments.all():
        mail.attach(document.filename, bytes(document.content), "application/pdf")
    # Providers hand it back with every report; SMTP does not look at it.
    mail.metadata = {REFERENCE: message.pk.hex}  # type: ignore[attr-defined]
    return mail
