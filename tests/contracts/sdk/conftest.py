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
