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
from django.db.models import F, Value
from django.db.models.functions import Greatest, Least
from django.utils import timezone
from djstripe.models import Customer, WebhookEventTrigger

from billing import checkouts, disputes, entitlements
from wopr.common.correlation import correlation

logger = logging.getLogger(__name__)
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)
RETRY_FOR = timedelta(days=3)
BATCH = 500


def trigger_process(*, trigger_id: int) -> None:
    """Brings the tenant's entitlement up to date, then lets dj-stripe store the object.

    What goes wrong is kept on the row, with its traceback, and tried again by the sweep.
    """
    trigger = WebhookEventTrigger.objects.get(pk=trigger_id)
    if trigger.processed or not trigger.valid:
        return
    with correlation(trigger.json_body["id"]):
        try:
            _tenant_refresh(trigger.json_body)
            trigger.process(save=True, api_key=settings.STRIPE_SECRET_KEY)
        except Exception as error:  # whatever it is, the row must tell it
            trigger.exception = f"{type(error).__name__}: {error}"[:128]
            trigger.traceback = format_exc()
            trigger.save()
            logger.exception("webhook %s could not be processed", trigger.pk)


def triggers_due() -> list[int]:
    """Valid rows that are not processed yet and whose wait is over, oldest first."""
    now = timezone.now()
    failing_for = F("updated") - F("created")
    wait = Least(Greatest(failing_for, Value(FIRST_WAIT)), Value(LONGEST_WAIT))
    waiting = WebhookEventTrigger.objects.alias(due=F("updated") + wait).filter(
        valid=True, processed=False, created__gte=now - RETRY_FOR, due__lte=now
    )
    return list(waiting.order_by("id").values_list("pk", flat=True)[:BATCH])


def _tenant_refresh(event: dict[str, Any]) -> None:
    tenant_id = _tenant_of(event)
    if tenant_id is not None:
        entitlements.entitlement_refresh(tenant_id=tenant_id)
        checkouts.tenant_checkouts_refresh(tenant_id=tenant_id)
        if disputes.concerns(event["type"]):
            disputes.tenant_holds_refresh(tenant_id=tenant_id)


def _tenant_of(event: dict[str, Any]) -> UUID | None:
    subject = event["data"]["object"]
    customer = subject["id"] if subject.get("object") == "customer" else subject.get("customer")
    if isinstance(customer, dict):
        customer = customer["id"]
    if customer is None and disputes.concerns(event["type"]):
        customer = disputes.customer_of(subject)
    known = Customer.objects.filter(id=customer).values_list("subscriber", flat=True)
    return cast(UUID | None, known.first())
