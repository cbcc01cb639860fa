"""Our Stripe adapter against the API: what it returns, and how it blames."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

from billing.gateways import stripe as adapter
from billing.gateways import stripe_catalogue as catalogue
from sandbox.control import DECLINED_CARD, CheckoutRefused, SandboxControl
from wopr.common.errors import ProviderError

TENANT = "0123-tenant"
EMAIL = "alice@example.com"


@pytest.fixture
def customer(stripe: SandboxControl) -> Any:
    return adapter.customer_create(email=EMAIL, name="Alice & Co", tenant_id=TENANT)


@pytest.fixture
def price(stripe: SandboxControl) -> Any:
    catalogue.product_create(product_id="wopr-small", name="Small", description="")
    return catalogue.price_create(
        product_id="wopr-small",
        lookup_key="small-eur",
        amount=900,
        currency="eur",
        interval="month",
    )


@pytest.fixture
def open_page(customer: Any, price: Any) -> Callable[..., Any]:
    def opened(checkout_id: str, **changes: Any) -> Any:
        wanted = {
            "checkout_id": checkout_id,
            "customer_id": customer.id,
            "lines": [(price.id, 1)],
            "trial_days": 0,
            "metadata": {"tenant": TENANT},
        }
        return adapter.session_create(**{**wanted, **changes})

    return opened


def test_a_customer_is_found_by_its_tenant_and_not_by_its_address_alone(customer: Any) -> None:
    adapter.customer_create(email=EMAIL, name="Another tenant of Alice's", tenant_id="another")

    found = adapter.customer_find(email=EMAIL, tenant_id=TENANT)

    assert found
    assert found.id == customer.id
    assert adapter.customer_find(email=EMAIL, tenant_id="nobody") is None


def test_a_customer_among_hundreds_is_found(stripe: SandboxControl) -> None:
    for number in range(105):
        adapter.customer_create(email=EMAIL, name="x", tenant_id=f"tenant-{number}")

    assert adapter.customer_find(email=EMAIL, tenant_id="tenant-0")
    assert adapter.customer_find(email=EMAIL, tenant_id="tenant-104")


def test_a_product_that_is_not_there_is_no_error(stripe: SandboxControl) -> None:
    assert catalogue.product_find("wopr-nothing") is None


def test_product_and_price_are_found_as_they_were_made(price: Any) -> None:
    product = catalogue.product_find("wopr-small")
    (found,) = catalogue.prices_of("wopr-small")

    assert product
    assert product.name == "Small"
    assert (found.id, found.unit_amount, found.currency) == (price.id, 900, "eur")
    assert found.recurring.interval == "month"
    assert found.lookup_key == "small-eur"


def test_the_same_checkout_leads_to_the_same_page(open_page: Callable[..., Any]) -> None:
    checkout_id, other_id = str(uuid4()), str(uuid4())

    assert open_page(checkout_id).id == open_page(checkout_id).id
    assert open_page(other_id).id != open_page(checkout_id).id


def test_what_is_paid_on_the_page_is_a_subscription_of_the_customer(
    open_page: Callable[..., Any], customer: Any, price: Any, stripe: SandboxControl
) -> None:
    session = open_page(str(uuid4()))
    assert adapter.subscriptions(customer.id) == []

    stripe.pay_checkout(session.url)

    [subscription] = adapter.subscriptions(customer.id)
    assert subscription["status"] == "active"
    assert subscription["items"]["data"][0]["price"]["id"] == price.id
    assert subscription["metadata"]["tenant"] == TENANT
    assert adapter.session_retrieve(session.id).status == "complete"


def test_a_trial_of_the_plan_is_a_trial_at_stripe(
    open_page: Callable[..., Any], customer: Any, stripe: SandboxControl
) -> None:
    stripe.pay_checkout(open_page(str(uuid4()), trial_days=14).url)

    [subscription] = adapter.subscriptions(customer.id)
    assert subscription["status"] == "trialing"


def test_a_declined_card_leaves_no_subscription_and_the_page_open(
    open_page: Callable[..., Any], customer: Any, stripe: SandboxControl
) -> None:
    session = open_page(str(uuid4()))

    with pytest.raises(CheckoutRefused):
        stripe.pay_checkout(session.url, card=DECLINED_CARD)

    assert adapter.session_retrieve(session.id).status == "open"
    assert not [s for s in adapter.subscriptions(customer.id) if s["status"] == "active"]


def test_a_page_that_was_closed_cannot_be_paid(
    open_page: Callable[..., Any], stripe: SandboxControl
) -> None:
    session = open_page(str(uuid4()))

    assert adapter.session_expire(session.id).status == "expired"

    with pytest.raises(CheckoutRefused):
        stripe.pay_checkout(session.url)


def test_what_stripe_refuses_is_permanent_and_says_why(open_page: Callable[..., Any]) -> None:
    with pytest.raises(ProviderError, match=r"could not open the checkout: No such price") as error:
        open_page(str(uuid4()), lines=[("price_nothing", 1)])

    assert error.value.permanent


def test_a_wrong_key_is_permanent_and_not_repeated_in_the_message(
    stripe: SandboxControl, settings: Any
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_somebody_elses"

    with pytest.raises(ProviderError, match="Stripe could not list prices") as error:
        catalogue.prices_of("wopr-small")

    assert error.value.permanent
    assert "sk_test_somebody_elses" not in str(error.value)


# The client tries most of these once more by itself: they have to strike twice to be seen.
MISHAPS: dict[str, dict[str, Any]] = {
    "429": {"kind": "status", "status": 429, "times": 2},
    "500": {"kind": "status", "status": 500, "times": 2},
    "drop": {"kind": "drop", "times": 2},
    "no answer": {"kind": "timeout_after", "seconds": 0.2, "times": 2},
}


@pytest.mark.parametrize("mishap", MISHAPS.values(), ids=MISHAPS)
def test_what_may_pass_is_not_permanent(stripe: SandboxControl, mishap: dict[str, Any]) -> None:
    stripe.add_fault("stripe", method="GET", path="/v1/prices*", **mishap)

    with pytest.raises(ProviderError, match="Stripe could not list prices") as error:
        catalogue.prices_of("wopr-small")

    assert not error.value.permanent
    stripe.clear()
    assert catalogue.prices_of("wopr-small") == []


def test_a_page_whose_answer_was_lost_is_the_one_that_the_next_try_returns(
    open_page: Callable[..., Any], stripe: SandboxControl
) -> None:
    checkout_id = str(uuid4())
    stripe.add_fault(
        "stripe", "timeout_after", method="POST", path="*/sessions", seconds=0.2, times=2
    )
    with pytest.raises(ProviderError):
        open_page(checkout_id)

    session = open_page(checkout_id)

    posts = stripe.requests("stripe", path="*/sessions", method="POST")
    assert len({post["idempotency_key"] for post in posts}) == 1
    assert session.client_reference_id == checkout_id
    assert settings.WOPR_DEPLOYMENT in posts[0]["idempotency_key"]
