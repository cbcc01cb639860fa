"""dj-stripe takes every object of the sandbox into its own tables."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import stripe
from djstripe import models

from sandbox.control import FAILING_CARD, SandboxControl

SYNCED: list[tuple[Any, dict[str, Any]]] = [
    (models.Coupon, {}),
    (models.PromotionCode, {}),
    (models.TaxRate, {}),
    (models.Product, {}),
    (models.Price, {}),
    (models.Customer, {}),
    (models.Subscription, {"status": "all"}),
    # dj-stripe 2.11 cannot take an invoice whose discounts are mere ids; it always expands them.
    (models.Invoice, {"expand": ["data.discounts"]}),
    (models.PaymentIntent, {}),
    (models.Charge, {}),
    (models.Refund, {}),
    (models.Dispute, {}),
    (models.BalanceTransaction, {}),
    (models.Session, {}),
]


@pytest.fixture
def lived_in(
    fresh: SandboxControl, sdk_urls: dict[str, str], sdk_key: str, monkeypatch: pytest.MonkeyPatch
) -> SandboxControl:
    """An account with a paid, a late and a canceled subscription, which dj-stripe talks to."""
    monkeypatch.setattr(stripe, "api_base", sdk_urls["stripe"])
    monkeypatch.setattr(stripe, "api_key", sdk_key)
    fresh.change_settings(tax_percent=19)
    disputed = _subscribe(fresh)
    fresh.dispute(customer=str(disputed.customer))
    _meter(str(disputed.customer), disputed.id)
    late = _subscribe(fresh, trial_period_days=7)
    fresh.set_card(str(late.customer), FAILING_CARD)
    fresh.advance_clock(timedelta(days=8))
    canceled = _subscribe(fresh)
    stripe.Subscription.cancel(canceled.id)
    intent = stripe.PaymentIntent.list(customer=str(canceled.customer)).data[0]
    stripe.Refund.create(payment_intent=intent.id, amount=100)
    invoice = str(canceled.latest_invoice)
    stripe.CreditNote.create(invoice=invoice, amount=200, refund_amount=200)
    return fresh


def _meter(customer: str, subscription: str) -> None:
    meter = stripe.billing.Meter.create(
        display_name="Tokens", event_name="tokens", default_aggregation={"formula": "sum"}
    )
    recurring: Any = {"interval": "month", "usage_type": "metered", "meter": meter.id}
    product = stripe.Product.create(name="Tokens")
    price = stripe.Price.create(
        product=product.id, currency="usd", unit_amount_decimal=Decimal("0.1"), recurring=recurring
    )
    stripe.Subscription.modify(subscription, items=[{"price": price.id}])
    payload = {"stripe_customer_id": customer, "value": "1000"}
    stripe.billing.MeterEvent.create(event_name="tokens", payload=payload)


def _subscribe(control: SandboxControl, **data: Any) -> stripe.Subscription:
    product = stripe.Product.create(name="Small bot")
    price = stripe.Price.create(
        product=product.id, currency="usd", unit_amount=900, recurring={"interval": "month"}
    )
    session = stripe.checkout.Session.create(
        mode="subscription",
        success_url="https://shop.example.com",
        line_items=[{"price": price.id, "quantity": 1}],
        subscription_data=data,  # type: ignore[arg-type]
        allow_promotion_codes=True,
        automatic_tax={"enabled": True},
        tax_id_collection={"enabled": True},
    )
    coupon = stripe.Coupon.create(percent_off=10, duration="once")
    code = stripe.PromotionCode.create(promotion={"type": "coupon", "coupon": coupon.id})
    typed = {"promotion_code": code.code, "country": "DE", "tax_id": "DE123456789"}
    control.pay_checkout(str(session.url), **typed)
    paid = stripe.checkout.Session.retrieve(session.id)
    return stripe.Subscription.retrieve(str(paid.subscription))


@pytest.mark.django_db
@pytest.mark.usefixtures("lived_in")
def test_dj_stripe_syncs_every_object_of_an_account(sdk_key: str) -> None:
    for model, filters in SYNCED:
        found = list(model.stripe_class.list(limit=100, **filters).auto_paging_iter())
        assert found, f"the account has no {model.__name__}"
        for row in found:
            synced = model.sync_from_stripe_data(row, api_key=sdk_key)
            assert synced.id == row["id"]
    statuses = sorted(row.stripe_data["status"] for row in models.Subscription.objects.all())
    assert statuses == ["active", "canceled", "past_due"]


@pytest.mark.django_db
@pytest.mark.usefixtures("lived_in")
def test_dj_stripes_own_handlers_digest_every_event(sdk_key: str) -> None:
    for row in stripe.Event.list(limit=100).auto_paging_iter():
        # dj-stripe 2.11 only reads an event's request from a plain dict, as webhooks give it.
        plain = json.loads(str(row))
        event = models.Event.sync_from_stripe_data(plain, api_key=sdk_key)
        event.invoke_webhook_handlers()
    assert models.Subscription.objects.count() == 3
    assert models.Invoice.objects.filter(stripe_data__status="paid").count() == 3
