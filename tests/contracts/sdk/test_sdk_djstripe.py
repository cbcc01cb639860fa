"""dj-stripe takes every object of the sandbox into its own tables."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import stripe
from djstripe import models

from sandbox.control import FAILING_CARD, SandboxControl

SYNCED: list[tuple[Any, dict[str, Any]]] = [
    (models.Product, {}),
    (models.Price, {}),
    (models.Customer, {}),
    (models.Subscription, {"status": "all"}),
    (models.Invoice, {}),
    (models.PaymentIntent, {}),
    (models.Charge, {}),
    (models.Refund, {}),
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
    _subscribe(fresh)
    late = _subscribe(fresh, trial_period_days=7)
    fresh.set_card(str(late.customer), FAILING_CARD)
    fresh.advance_clock(timedelta(days=8))
    canceled = _subscribe(fresh)
    stripe.Subscription.cancel(canceled.id)
    intent = stripe.PaymentIntent.list(customer=str(canceled.customer)).data[0]
    stripe.Refund.create(payment_intent=intent.id, amount=100)
    return fresh


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
    )
    control.pay_checkout(str(session.url))
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
