"""A payment sends a dozen webhooks; one look at Stripe answers all that had come by then."""

from typing import Any

import pytest
from djstripe.models import WebhookEventTrigger

from billing.models import Checkout, Entitlement
from sandbox.control import SandboxControl
from tenants.models import Tenant
from tests.billing.conftest import Account, deliver, work

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_look_at_stripe_answers_every_delivery_that_had_come(
    tenant: Tenant, bought: Checkout, account: Account, stripe: SandboxControl
) -> None:
    for event in account.events():
        deliver(event)
    before = len(looks(stripe))
    work()

    assert Entitlement.objects.get(tenant=tenant).status == "active"
    # The second is for the checkout that it found complete.
    assert len(looks(stripe)) - before == 2


def test_a_delivery_that_comes_later_has_stripe_asked_again(
    tenant: Tenant, bought: Checkout, account: Account
) -> None:
    events = account.events()
    for event in events:
        deliver(event)
    work()
    subscription = Entitlement.objects.get(tenant=tenant).stripe_subscription_id
    account.delete(f"subscriptions/{subscription}")
    deliver(account.events()[-1])
    work()

    assert Entitlement.objects.get(tenant=tenant).status == "canceled"


def test_a_look_that_failed_answers_no_delivery(
    tenant: Tenant, bought: Checkout, account: Account, stripe: SandboxControl
) -> None:
    for event in account.events():
        deliver(event)
    stripe.add_fault("stripe", "status", path="/v1/checkout/sessions/*", status=500, times=2)
    work()

    bought.refresh_from_db()
    assert bought.status == Checkout.Status.COMPLETE
    assert WebhookEventTrigger.objects.filter(processed=False).count() == 1


def looks(stripe: SandboxControl) -> list[Any]:
    """Every time that Stripe was asked what a customer subscribed to."""
    return stripe.requests("stripe", "/v1/subscriptions", "GET")
