"""Reading charges and what became of them: disputes and refunds.

Source: docs.stripe.com/api/charges/list, .../disputes/list, .../refunds/list.
"""

from typing import Any

from django.conf import settings
from djstripe.models import Refund

from billing.gateways.stripe import client, translated


def charge(charge_id: str) -> Any:
    with translated("Stripe could not be asked about the charge"):
        return client().v1.charges.retrieve(charge_id)


def charges_of(customer_id: str) -> list[Any]:
    """All charges of a customer, newest first."""
    with translated("Stripe could not list charges"):
        page = client().v1.charges.list({"customer": customer_id, "limit": 100})
        return list(page.auto_paging_iter())


def disputes_of(charge_id: str) -> list[Any]:
    with translated("Stripe could not list disputes"):
        page = client().v1.disputes.list({"charge": charge_id, "limit": 100})
        return list(page.auto_paging_iter())


def refunds_of(charge_id: str) -> list[Any]:
    with translated("Stripe could not list refunds"):
        page = client().v1.refunds.list({"charge": charge_id, "limit": 100})
        return list(page.auto_paging_iter())


def refund_store(refund: Any) -> None:
    """As dj-stripe's row, which it makes by itself only of charges that list their refunds."""
    with translated("The refund could not be stored"):
        Refund.sync_from_stripe_data(refund, api_key=settings.STRIPE_SECRET_KEY)
