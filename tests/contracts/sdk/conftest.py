"""The vendors' own SDKs, pointed at the sandbox."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cloudflare
import pytest
import stripe

from sandbox.control import SandboxControl
from sandbox.process import running
from sandbox.serve import STRIPE_KEY


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave dj-stripe's models out where the suite runs without Django."""
    without_django = not config.pluginmanager.hasplugin("django")
    return True if without_django and collection_path.name == "test_sdk_djstripe.py" else None


@pytest.fixture(scope="session")
def sdk_key() -> str:
    """Stripe's key: the product's own where it is set up, since dj-stripe calls with that."""
    return os.environ.get("STRIPE_SECRET_KEY") or STRIPE_KEY


@pytest.fixture(scope="session")
def sdk_urls(sdk_key: str) -> Iterator[dict[str, str]]:
    zones = ("--zone", "bots.localhost", "--zone", "example.com")
    with running("--stripe-key", sdk_key, *zones) as urls:
        yield urls


@pytest.fixture(scope="session")
def sdk_control(sdk_urls: dict[str, str]) -> Iterator[SandboxControl]:
    with SandboxControl.of(sdk_urls) as control:
        yield control


@pytest.fixture(scope="session")
def sdk_stripe(sdk_urls: dict[str, str], sdk_key: str) -> stripe.StripeClient:
    """Stripe's SDK as an adapter would set it up; retries are the caller's business here."""
    return stripe.StripeClient(
        sdk_key, base_addresses={"api": sdk_urls["stripe"]}, max_network_retries=0
    )


@pytest.fixture(scope="session")
def sdk_cloudflare(sdk_urls: dict[str, str]) -> Iterator[cloudflare.Cloudflare]:
    with cloudflare.Cloudflare(
        api_token="cloudflare-sandbox", base_url=sdk_urls["cloudflare"], max_retries=0
    ) as client:
        yield client


@pytest.fixture
def fresh(sdk_control: SandboxControl) -> SandboxControl:
    """Empty vendors for a test that counts."""
    sdk_control.reset()
    return sdk_control


@pytest.fixture
def sdk_price(sdk_stripe: stripe.StripeClient) -> stripe.Price:
    product = sdk_stripe.v1.products.create({"name": "Small bot", "metadata": {"plan": "small"}})
    return sdk_stripe.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 900,
            "recurring": {"interval": "month"},
            "lookup_key": "small-monthly",
        }
    )


@pytest.fixture
def sdk_subscription(
    sdk_stripe: stripe.StripeClient, fresh: SandboxControl, sdk_price: stripe.Price
) -> stripe.Subscription:
    customer = sdk_stripe.v1.customers.create({"email": "alice@example.com"})
    session = sdk_stripe.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": sdk_price.id, "quantity": 1}],
            "success_url": "https://shop.example.com/?session={CHECKOUT_SESSION_ID}",
            "client_reference_id": "tenant-1",
            "subscription_data": {"metadata": {"tenant": "tenant-1"}},
        }
    )
    fresh.pay_checkout(str(session.url))
    paid = sdk_stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert paid.client_reference_id == "tenant-1"
    assert isinstance(paid.subscription, stripe.Subscription)
    return paid.subscription
