"""Stripe's own SDK against the sandbox: the calls that WOPR makes."""

from __future__ import annotations

from datetime import timedelta

import pytest
import stripe

from sandbox.control import FAILING_CARD, SandboxControl
from sandbox.stripe.version import API_VERSION

pytestmark = pytest.mark.usefixtures("fresh")


def test_the_sandbox_speaks_the_version_that_the_sdk_pins() -> None:
    assert stripe.api_version == API_VERSION


def test_the_catalogue_is_found_again_by_lookup_key(
    sdk_stripe: stripe.StripeClient, sdk_price: stripe.Price
) -> None:
    found = sdk_stripe.v1.prices.list(
        {"lookup_keys": ["small-monthly"], "active": True, "expand": ["data.product"]}
    )
    (price,) = found.data
    assert price.id == sdk_price.id
    assert isinstance(price.product, stripe.Product)
    assert price.product.metadata["plan"] == "small"


def test_a_paid_checkout_gives_an_active_subscription(
    sdk_stripe: stripe.StripeClient, sdk_subscription: stripe.Subscription
) -> None:
    subscription = sdk_stripe.v1.subscriptions.retrieve(
        sdk_subscription.id, {"expand": ["latest_invoice"]}
    )
    assert subscription.status == "active"
    assert subscription.metadata["tenant"] == "tenant-1"
    item = subscription["items"].data[0]
    assert item.current_period_end > item.current_period_start
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert subscription.latest_invoice.status == "paid"


def test_paging_through_events_finds_each_once(
    sdk_stripe: stripe.StripeClient, sdk_subscription: stripe.Subscription
) -> None:
    events = list(sdk_stripe.v1.events.list({"limit": 4}).auto_paging_iter())
    ids = [event.id for event in events]
    assert len(ids) == len(set(ids)) > 10
    created = sdk_stripe.v1.events.list({"types": ["customer.subscription.created"]}).data
    assert [event.data.object["id"] for event in created] == [sdk_subscription.id]


def test_a_subscription_is_listed_by_customer_and_canceled(
    sdk_stripe: stripe.StripeClient, sdk_subscription: stripe.Subscription
) -> None:
    customer = str(sdk_subscription.customer)
    canceled = sdk_stripe.v1.subscriptions.cancel(sdk_subscription.id)
    assert canceled.status == "canceled"
    assert sdk_stripe.v1.subscriptions.list({"customer": customer}).data == []
    every = sdk_stripe.v1.subscriptions.list({"customer": customer, "status": "all"})
    assert [row.id for row in every.data] == [sdk_subscription.id]


def test_a_cancellation_is_scheduled_and_a_plan_changed(
    sdk_stripe: stripe.StripeClient,
    sdk_subscription: stripe.Subscription,
    sdk_price: stripe.Price,
) -> None:
    larger = sdk_stripe.v1.prices.create(
        {
            "product": str(sdk_price.product),
            "currency": "usd",
            "unit_amount": 1900,
            "recurring": {"interval": "month"},
        }
    )
    item = sdk_subscription["items"].data[0].id
    changed = sdk_stripe.v1.subscriptions.update(
        sdk_subscription.id,
        {
            "items": [{"id": item, "price": larger.id}],
            "proration_behavior": "always_invoice",
            "cancel_at_period_end": True,
        },
    )
    assert changed["items"].data[0].price.id == larger.id
    assert changed.cancel_at_period_end is True
    invoices = sdk_stripe.v1.invoices.list({"subscription": sdk_subscription.id}).data
    assert [invoice.amount_paid for invoice in invoices] == [1000, 900]


def test_a_failed_renewal_is_paid_by_hand_with_another_card(
    sdk_stripe: stripe.StripeClient,
    sdk_subscription: stripe.Subscription,
    fresh: SandboxControl,
) -> None:
    customer = str(sdk_subscription.customer)
    fresh.set_card(customer, FAILING_CARD)
    fresh.advance_clock(timedelta(days=31, hours=1))
    (invoice,) = sdk_stripe.v1.invoices.list({"customer": customer, "status": "open"}).data
    assert invoice.next_payment_attempt is not None
    with pytest.raises(stripe.CardError) as declined:
        sdk_stripe.v1.invoices.pay(invoice.id)
    assert declined.value.code == "card_declined"
    method = sdk_stripe.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    paid = sdk_stripe.v1.invoices.pay(invoice.id, {"payment_method": method.id})
    assert paid.status == "paid"
    assert sdk_stripe.v1.subscriptions.retrieve(sdk_subscription.id).status == "active"


def test_a_payment_is_refunded(
    sdk_stripe: stripe.StripeClient, sdk_subscription: stripe.Subscription
) -> None:
    invoice = sdk_stripe.v1.invoices.retrieve(
        str(sdk_subscription.latest_invoice), {"expand": ["payments"]}
    )
    assert invoice.payments is not None
    intent = str(invoice.payments.data[0].payment.payment_intent)
    refund = sdk_stripe.v1.refunds.create({"payment_intent": intent, "amount": 400})
    charge = sdk_stripe.v1.charges.retrieve(str(refund.charge), {"expand": ["refunds"]})
    assert charge.amount_refunded == 400
    assert charge.refunds is not None
    assert [row.id for row in charge.refunds.data] == [refund.id]


def test_a_portal_session_and_the_account_are_there(
    sdk_stripe: stripe.StripeClient, sdk_subscription: stripe.Subscription
) -> None:
    portal = sdk_stripe.v1.billing_portal.sessions.create(
        {"customer": str(sdk_subscription.customer), "return_url": "https://shop.example.com/"}
    )
    assert portal.url.startswith("http")
    assert sdk_stripe.v1.accounts.retrieve_current().charges_enabled is True


def test_errors_arrive_as_the_sdks_exceptions(
    sdk_stripe: stripe.StripeClient, sdk_urls: dict[str, str]
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        sdk_stripe.v1.subscriptions.retrieve("sub_nope")
    assert (missing.value.code, missing.value.http_status) == ("resource_missing", 404)
    stranger = stripe.StripeClient("sk_test_wrong", base_addresses={"api": sdk_urls["stripe"]})
    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.customers.list()
    sdk_stripe.v1.customers.create({"name": "a"}, {"idempotency_key": "same"})
    with pytest.raises(stripe.IdempotencyError):
        sdk_stripe.v1.customers.create({"name": "b"}, {"idempotency_key": "same"})


def test_a_rate_limit_and_a_lost_answer_arrive_as_the_sdks_exceptions(
    sdk_stripe: stripe.StripeClient, fresh: SandboxControl
) -> None:
    fresh.add_fault("stripe", "status", method="POST", path="/v1/customers", status=429)
    with pytest.raises(stripe.RateLimitError):
        sdk_stripe.v1.customers.create({})
    fresh.add_fault("stripe", "drop", method="POST", path="/v1/customers", when="after")
    with pytest.raises(stripe.APIConnectionError):
        sdk_stripe.v1.customers.create({"name": "made"})
    assert [row.name for row in sdk_stripe.v1.customers.list().data] == ["made"]


def test_the_sdks_own_retries_make_a_thing_once(
    sdk_urls: dict[str, str], sdk_key: str, fresh: SandboxControl
) -> None:
    patient = stripe.StripeClient(
        sdk_key,
        base_addresses={"api": sdk_urls["stripe"]},
        max_network_retries=2,
    )
    fresh.add_fault("stripe", "drop", method="POST", path="/v1/customers", when="after")
    made = patient.v1.customers.create({"name": "once"})
    assert [row.id for row in patient.v1.customers.list().data] == [made.id]
    assert len(fresh.requests("stripe", "/v1/customers", "POST")) == 2
