"""Worker room: how the open checkouts stand at Stripe."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from billing import entitlements
from billing.gateways import stripe
from billing.models import Checkout
from wopr.common.correlation import correlation
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
# Long enough for the webhook to come first, short enough for the person who waits.
WEBHOOK_GRACE = timedelta(seconds=20)


def checkout_refresh(*, checkout: Checkout) -> Checkout:
    """Re-reads the session and moves the row; a live row only, and never backwards.

    Raises ProviderError.
    """
    if checkout.status != Checkout.Status.OPEN:
        return checkout
    session = stripe.session_retrieve(checkout.stripe_session_id)
    status = _status_of(session)
    if status == Checkout.Status.COMPLETE:
        # What was bought comes before the note that it was: after a failure somebody looks again.
        entitlements.entitlement_refresh(tenant_id=checkout.tenant_id)
    if status != checkout.status:
        Checkout.objects.filter(pk=checkout.pk, status=Checkout.Status.OPEN).update(status=status)
        checkout.refresh_from_db()
    return checkout


def tenant_checkouts_refresh(*, tenant_id: UUID) -> None:
    for checkout in Checkout.objects.filter(tenant_id=tenant_id, status=Checkout.Status.OPEN):
        checkout_refresh(checkout=checkout)


def open_checkouts_refresh() -> None:
    """Finds what a lost webhook should have told: paid sessions and expired ones."""
    before = timezone.now() - WEBHOOK_GRACE
    for checkout in Checkout.objects.filter(status=Checkout.Status.OPEN, created_at__lte=before):
        with correlation(checkout.correlation_id):
            _look_at(checkout)


def _look_at(checkout: Checkout) -> None:
    try:
        if checkout_refresh(checkout=checkout).status == Checkout.Status.COMPLETE:
            logger.info("checkout %s was paid; its webhook has not come", checkout.pk)
    except ProviderError as error:
        logger.error("checkout %s is looked at again later: %s", checkout.pk, error)


def opened(checkout: Checkout, session: Any) -> Checkout:
    """Records the session that Stripe opened for the row."""
    checkout.stripe_session_id, checkout.url = session["id"], session["url"] or ""
    checkout.expires_at = datetime.fromtimestamp(session["expires_at"], UTC)
    checkout.status = _status_of(session)
    checkout.save()
    return checkout


def _status_of(session: Any) -> str:
    return {
        "open": Checkout.Status.OPEN,
        "complete": Checkout.Status.COMPLETE,
        "expired": Checkout.Status.EXPIRED,
    }[session["status"]]
