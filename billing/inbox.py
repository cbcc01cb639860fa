"""Worker room: what to do with a stored webhook. The trigger row is the inbox.

dj-stripe's row carries no count of tries; the wait before the next one is as long as the row has
been failing already (from 15 seconds to an hour), for as long as Stripe itself would retry.
"""

import logging
from datetime import timedelta
from traceback import format_exc
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.db.models import F, Max, Value
from django.db.models.functions import Greatest, Least
from django.utils import timezone
from djstripe.models import Customer, WebhookEventTrigger

from billing import checkouts, disputes, entitlements
from billing.models import Entitlement
from wopr.common.correlation import correlation
from wopr.common.locks import session_lock

logger = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)
RETRY_FOR = timedelta(days=3)
BATCH = 500
# Of a payment's dozen of events these only come along with one that decides (a subscription's, a
# checkout's, an invoice's own): they leave the workers to what that one has begun.
_COMPANIONS = (
    "charge.succeeded",
    "charge.updated",
    "customer.created",
    "customer.updated",
    "invoice.created",
    "invoice.finalized",
    "invoice.payment_succeeded",
    "invoice.updated",
    "invoice_payment.",
    "payment_intent.",
    "payment_method.",
)
_COMPANIONS_WAIT = 3.0  # seconds


def trigger_process(*, trigger_id: int) -> None:
    """Brings the tenant's entitlement up to date, then lets dj-stripe store the object.

    What goes wrong is kept on the row, with its traceback, and tried again by the sweep.
    """
    trigger = WebhookEventTrigger.objects.get(pk=trigger_id)
    if trigger.processed or not trigger.valid:
        return
    with correlation(trigger.json_body["id"]):
        try:
            _tenant_refresh(trigger)
            trigger.process(save=True, api_key=settings.STRIPE_SECRET_KEY)
        except Exception as error:  # whatever it is, the row must tell it
            trigger.exception = f"{type(error).__name__}: {error}"[:128]
            trigger.traceback = format_exc()
            trigger.save()
            logger.exception("webhook %s could not be processed", trigger.pk)


def patience(event_type: str) -> float:
    """Seconds that an event of that type may wait before a worker takes it up."""
    return _COMPANIONS_WAIT if event_type.startswith(_COMPANIONS) else 0.0


def triggers_due() -> list[int]:
    """Valid rows that are not processed yet and whose wait is over, oldest first."""
    now = timezone.now()
    failing_for = F("updated") - F("created")
    wait = Least(Greatest(failing_for, Value(FIRST_WAIT)), Value(LONGEST_WAIT))
    waiting = WebhookEventTrigger.objects.alias(due=F("updated") + wait).filter(
        valid=True, processed=False, created__gte=now - RETRY_FOR, due__lte=now
    )
    return list(waiting.order_by("id").values_list("pk", flat=True)[:BATCH])


def _tenant_refresh(trigger: WebhookEventTrigger) -> None:
    event = trigger.json_body
    tenant_id = _tenant_of(event)
    if tenant_id is not None:
        _stripe_read(tenant_id, told_by=trigger.pk)
        if disputes.concerns(event["type"]):
            disputes.tenant_holds_refresh(tenant_id=tenant_id)


def _stripe_read(tenant_id: UUID, *, told_by: int) -> None:
    """A payment sends a dozen; one look at Stripe answers all that had come when it began.

    Rows are numbered as they come, so a row with a lower number tells of something that was true
    at Stripe by then. A look that fails answers none.
    """
    with session_lock(f"webhooks:{tenant_id}"):
        known = Entitlement.objects.filter(tenant_id=tenant_id)
        if known.filter(webhooks_read__gte=told_by).exists():
            return
        newest = WebhookEventTrigger.objects.aggregate(newest=Max("pk"))["newest"]
        entitlements.entitlement_refresh(tenant_id=tenant_id)
        checkouts.tenant_checkouts_refresh(tenant_id=tenant_id)
        known.update(webhooks_read=newest)


def _tenant_of(event: dict[str, Any]) -> UUID | None:
    subject = event["data"]["object"]
    customer = subject["id"] if subject.get("object") == "customer" else subject.get("customer")
    if isinstance(customer, dict):
        customer = customer["id"]
    if customer is None and disputes.concerns(event["type"]):
        customer = disputes.customer_of(subject)
    known = Customer.objects.filter(id=customer).values_list("subscriber", flat=True)
    return cast(UUID | None, known.first())
