"""Changing a subscription at Stripe: the second half of the door in `billing.gateways.stripe`.

Source: docs.stripe.com/billing/subscriptions (upgrade-downgrade, cancel) and
docs.stripe.com/api/invoices/create_preview.
"""

from typing import Any, NamedTuple

from billing.gateways.stripe import client, translated

OPEN: tuple[Any, ...] = ("active", "trialing", "past_due", "unpaid", "paused")


def retrieve(subscription_id: str) -> Any:
    with translated("Stripe could not be asked about the subscription"):
        return client().v1.subscriptions.retrieve(subscription_id)


def still_open() -> list[Any]:
    """Every subscription that has not ended, of every customer."""
    found: list[Any] = []
    for status in OPEN:
        with translated("Stripe could not list subscriptions"):
            page = client().v1.subscriptions.list({"status": status, "limit": 100})
            found += page.auto_paging_iter()
    return found


class Arrears(NamedTuple):
    """Since when invoices stay unpaid, if any does, and when one was paid last."""

    unpaid_since: int | None
    paid_at: int | None


def arrears(subscription_id: str) -> Arrears:
    """What is owed since a renewal was paid last.

    A change of items may be credited, and so count as paid, while a renewal is not.
    """
    since = None
    for invoice in _invoices(subscription_id):
        if invoice["status"] == "paid" and invoice["billing_reason"] != "subscription_update":
            return Arrears(since, invoice["status_transitions"]["paid_at"])
        if invoice["status"] in {"open", "uncollectible"}:
            since = int(invoice["created"])
    return Arrears(since, None)


def _invoices(subscription_id: str) -> list[Any]:
    """The newest hundred, newest first."""
    with translated("Stripe could not list the invoices"):
        return client().v1.invoices.list({"subscription": subscription_id, "limit": 100}).data


def preview(*, subscription: Any, items: Any) -> Any:
    """The invoice that a change would make now; changes nothing."""
    with translated("Stripe could not preview the change"):
        return client().v1.invoices.create_preview(
            {
                "customer": subscription["customer"],
                "subscription": subscription["id"],
                "subscription_details": {
                    "items": items,
                    "proration_behavior": "always_invoice",
                },
            }
        )


def prorated_at(invoice: Any) -> int | None:
    """From which moment on a preview counts the difference."""
    at = getattr(invoice["parent"]["subscription_details"], "subscription_proration_date", None)
    return None if at is None else int(at)


def change(*, subscription: Any, items: Any, prorated_at: int | None) -> Any:
    """Moves items to other prices and charges or credits the difference at once.

    The difference counts from the moment that a preview counted from, or from now.

    Each item is named by its id: without it Stripe would add a second one.

    A card that is declined leaves the subscription as it was. There is no idempotency key:
    Stripe would give a decline again for a day. The caller's lock and what it reads of the
    subscription under it keep a second click from being a second change.
    """
    with translated("Stripe did not change the subscription"):
        return client().v1.subscriptions.update(
            subscription["id"],
            {
                "items": items,
                "proration_behavior": "always_invoice",
                "payment_behavior": "error_if_incomplete",
                **({} if prorated_at is None else {"proration_date": prorated_at}),
            },
        )


def set_cancel_at_period_end(subscription_id: str, *, cancel: bool) -> Any:
    with translated("Stripe did not change when the subscription ends"):
        return client().v1.subscriptions.update(subscription_id, {"cancel_at_period_end": cancel})


def cancel_now(subscription_id: str) -> Any:
    with translated("Stripe did not cancel the subscription"):
        return client().v1.subscriptions.cancel(subscription_id)


def portal(*, customer_id: str, return_url: str) -> Any:
    """Stripe's own pages for payment methods and invoices."""
    with translated("Stripe could not open its portal"):
        return client().v1.billing_portal.sessions.create(
            {"customer": customer_id, "return_url": return_url}
        )
