"""Worker room: the guide to a domain's records, and the letters about one that leads astray."""

import hashlib

from django.conf import settings
from django.utils import timezone

from dns import verification
from dns.models import CustomDomain
from tenants import correspondence
from tenants.models import Document, Message

GUIDE = Document.Kind.DOMAIN_GUIDE
FAILING, PAUSED = Message.Kind.DOMAIN_FAILING, Message.Kind.DOMAIN_PAUSED


def guide(domain: CustomDomain) -> Document:
    """The PDF with the exact records; a new one when the records change."""
    return correspondence.document_render(
        tenant=domain.tenant,
        kind=GUIDE,
        cause=guide_cause(domain),
        title=f"How to connect {domain.hostname}",
        filename=f"domain-{domain.hostname}.pdf"[-128:],
        context={
            "dated": timezone.now(),
            "domain": domain,
            "records": verification.settings_of(domain),
            "page": page_of(domain),
            "days": settings.WOPR_DOMAIN_DAYS_TO_VERIFY,
        },
    )


def guide_cause(domain: CustomDomain) -> str:
    """The guide's cause: the domain, and what its records are."""
    records = repr(verification.settings_of(domain)).encode()
    return f"{domain.reference}:{hashlib.sha256(records).hexdigest()[:12]}"


def tell(domain: CustomDomain, kind: Message.Kind) -> None:
    """Queues the letter, once for each time that the domain came into its state."""
    correspondence.message_queue(
        tenant=domain.tenant,
        kind=kind,
        cause=f"{domain.reference}:{domain.since.isoformat(timespec='seconds')}",
        context={
            "domain": domain,
            "records": verification.settings_of(domain),
            "days": settings.WOPR_DOMAIN_DAYS_TO_PAUSE,
            "action": {"url": page_of(domain), "label": "See the domain"},
        },
    )


def page_of(domain: CustomDomain) -> str:
    """The dashboard's page about the bot's domains."""
    return f"{settings.WOPR_DASHBOARD_URL}/instances/{domain.owner.partition(':')[2]}/domains"
