"""The sandbox's Stripe as a shop meets it: plans on sale, customers who pay, deliveries."""

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from djstripe.models import WebhookEventTrigger
from redis import Redis

from billing import catalogue
from billing.first_plans import first_plans_ensure
from billing.models import Checkout, Plan
from billing.services import checkout_open
from billing.tasks import trigger_process
from sandbox.control import SandboxControl
from sandbox.stripe.courier import signature
from tenants.models import Tenant

WEBHOOK = "/api/webhook/stripe"


@pytest.fixture(autouse=True)
def fresh_throttles() -> None:
    """No test pays for the requests of another."""
    cache.clear()


@pytest.fixture
def stripe() -> Iterator[SandboxControl]:
    """An empty Stripe account whose events nobody carries: tests deliver what they want."""
    with SandboxControl(os.environ["SANDBOX_STRIPE_URL"]) as control:
        control.reset()
        control.drop_deliveries()
        yield control
        control.clear()
        control.reset()


@pytest.fixture
def starter(transactional_db: None, stripe: SandboxControl) -> Plan:
    """The Starter plan with its product and price at Stripe."""
    return plan_at_stripe("starter")


@pytest.fixture
def team(transactional_db: None, stripe: SandboxControl) -> Plan:
    return plan_at_stripe("team")


def plan_at_stripe(code: str) -> Plan:
    first_plans_ensure()
    plan = Plan.objects.prefetch_related("prices").get(code=code)
    catalogue.plan_publish(plan=plan)
    return plan


@pytest.fixture
def buy(stripe: SandboxControl) -> Callable[[Tenant, Plan], Checkout]:
    """Opens the payment page and pays on it; no event of it is delivered yet."""

    def pay(tenant: Tenant, plan: Plan) -> Checkout:
        checkout = checkout_open(tenant=tenant, plan_code=plan.code)
        stripe.pay_checkout(checkout.stripe_session_id)
        return checkout

    return pay


@pytest.fixture
def bought(tenant: Tenant, starter: Plan, buy: Callable[[Tenant, Plan], Checkout]) -> Checkout:
    """Alice has paid for Starter, and no delivery of it has come."""
    return buy(tenant, starter)


class Account:
    """What Stripe holds, read past the product."""

    def __init__(self) -> None:
        self.http = httpx.Client(
            base_url=f"{os.environ['SANDBOX_STRIPE_URL']}/v1/",
            auth=(settings.STRIPE_SECRET_KEY, ""),
            trust_env=False,
        )

    def all(self, path: str, **query: Any) -> list[Any]:
        answer = self.http.get(path, params={"limit": 100, **query}).raise_for_status().json()
        return list(answer["data"])

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def post(self, path: str, **form: Any) -> Any:
        return self.http.post(path, data=form).raise_for_status().json()

    def delete(self, path: str) -> Any:
        return self.http.delete(path).raise_for_status().json()

    def events(self) -> list[Any]:
        """Oldest first, as they happened."""
        return list(reversed(self.all("events")))


@pytest.fixture
def account(stripe: SandboxControl) -> Iterator[Account]:
    account = Account()
    yield account
    account.http.close()


def deliver(event: Any, *, age: int = 0, secret: str | None = None, **headers: str) -> Any:
    """Posts a signed event as Stripe does; returns the answer."""
    payload = event if isinstance(event, str) else json.dumps(event)
    signed = signature(secret or settings.STRIPE_WEBHOOK_SECRET, payload, int(time.time()) - age)
    headers = {"Stripe-Signature": signed, **headers}
    return Client().post(WEBHOOK, payload, content_type="application/json", headers=headers)


def work() -> None:
    """Does what a worker does with the deliveries that are stored and not processed."""
    waiting = WebhookEventTrigger.objects.filter(valid=True, processed=False)
    for trigger in waiting.order_by("id"):
        trigger_process(trigger.pk)


class Broker:
    """What waits for a worker."""

    def __init__(self) -> None:
        self._redis = Redis.from_url(settings.REDIS_URL)
        self._queue = f"{settings.WOPR_DEPLOYMENT}:celery"
        self._redis.delete(self._queue)

    def woken(self) -> list[str]:
        """The names of the tasks that were sent, oldest first."""
        return [header["task"] for header in self._headers()]

    def due(self) -> list[datetime | None]:
        """When each is to be taken up; None for at once."""
        whens = [header["eta"] for header in self._headers()]
        return [datetime.fromisoformat(when) if when else None for when in whens]

    def _headers(self) -> list[Any]:
        messages: Any = self._redis.lrange(self._queue, 0, -1)
        return [json.loads(message)["headers"] for message in reversed(messages)]


@pytest.fixture
def broker() -> Broker:
    return Broker()
