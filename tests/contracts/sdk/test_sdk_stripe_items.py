"""Stripe's own SDK: previews of invoices and subscriptions with add-ons."""

from __future__ import annotations

import pytest
import stripe

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture
def sdk_add_on(sdk_stripe: stripe.StripeClient, sdk_price: stripe.Price) -> stripe.Price:
    return sdk_stripe.v1.prices.create(
        {
            "product": str(sdk_price.product),
            "currency": "usd",
            "unit_amount": 300,
            "recurring": {"interval": "month"},
        }
    )


def test_an_upgrade_is_previewed_without_a_trace(
    sdk_stripe: stripe.StripeClient,
    sdk_subscription: stripe.Subscription,
    sdk_add_on: stripe.Price,
) -> None:
    before = sdk_stripe.v1.events.list({"limit": 1}).data[0].id
    item = sdk_subscription["items"].data[0]
    preview = sdk_stripe.v1.invoices.create_preview(
        {
            "customer": str(sdk_subscription.customer),
            "subscription": sdk_subscription.id,
            "subscription_details": {
                "items": [
                    {"id": item.id, "quantity": 2},
                    {"price": sdk_add_on.id, "quantity": 1},
                ],
                "proration_behavior": "always_invoice",
            },
        }
    )
    assert isinstance(preview, stripe.Invoice)
    assert (preview.amount_due, preview.currency) == (1200, "usd")
    assert [line.amount for line in preview.lines.data] == [-900, 1800, 300]
    assert sdk_stripe.v1.events.list({"limit": 1}).data[0].id == before


def test_an_add_on_comes_and_goes(
    sdk_stripe: stripe.StripeClient,
    sdk_subscription: stripe.Subscription,
    sdk_add_on: stripe.Price,
) -> None:
    grown = sdk_stripe.v1.subscriptions.update(
        sdk_subscription.id, {"items": [{"price": sdk_add_on.id, "quantity": 2}]}
    )
    extra = grown["items"].data[1]
    assert (extra.price.id, extra.quantity) == (sdk_add_on.id, 2)
    shrunk = sdk_stripe.v1.subscriptions.update(
        sdk_subscription.id, {"items": [{"id": extra.id, "deleted": True}]}
    )
    assert [row.quantity for row in shrunk["items"].data] == [1]
