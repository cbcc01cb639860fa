"""Buying twice at once: whatever is clicked, and wherever, one subscription comes of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any

import pytest
from django.db import connections
from djstripe.models import Customer
from rest_framework.test import APIClient

from billing import audit
from billing.entitlements import entitlement_refresh
from billing.models import Checkout, Entitlement, Finding, Plan, Price
from sandbox.control import GOOD_CARD, CheckoutRefused, SandboxControl
from tenants.models import Tenant, User
from tests.billing.conftest import Account
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
Buy = Callable[[Tenant, Plan], Checkout]


@pytest.fixture
def click(alice: User, tenant: Tenant) -> Callable[..., list[Any]]:
    """Alice clicks on these plans, all at the same moment, each in a tab of its own."""

    def choose(plan: str) -> Any:
        try:
            path = f"/api/v1/tenants/{tenant.pk}/checkout"
            return signed_in(alice).post(path, {"plan": plan})
        finally:
            connections.close_all()

    def clicked(*plans: str) -> list[Any]:
        with ThreadPoolExecutor(len(plans)) as tabs:
            return list(tabs.map(choose, plans))

    return clicked


@pytest.fixture
def subscribed(tenant: Tenant, starter: Plan, buy: Buy) -> Entitlement:
    """Alice has paid for Starter, and it is known here."""
    buy(tenant, starter)
    entitlement = entitlement_refresh(tenant_id=tenant.pk)
    assert entitlement is not None
    return entitlement


@pytest.fixture
def by_hand(subscribed: Entitlement, stripe: SandboxControl, account: Account) -> str:
    """A second subscription, made in Stripe's dashboard: no door of ours was used."""
    customer = str(Customer.objects.get().id)
    stripe.set_card(customer, GOOD_CARD)
    price = Price.objects.get(plan=subscribed.plan, interval="month").stripe_price_id
    made = account.post("subscriptions", customer=customer, **{"items[0][price]": price})
    return str(made["id"])


def pay_every_page(stripe: SandboxControl, answers: list[Any]) -> int:
    """Pays on each page that was opened; returns on how many that was possible."""
    paid = 0
    for url in {answer.json()["url"] for answer in answers if answer.status_code == 201}:
        try:
            stripe.pay_checkout(url)
            paid += 1
        except CheckoutRefused:
            continue
    return paid


def test_two_clicks_on_one_plan_are_one_subscription(
    click: Any, starter: Plan, stripe: SandboxControl, account: Account
) -> None:
    answers = click("starter", "starter", "starter")
    assert {answer.status_code for answer in answers} == {201}
    assert pay_every_page(stripe, answers) == 1
    assert len(account.all("subscriptions", status="all")) == 1


def test_two_tabs_with_two_plans_are_one_subscription(
    click: Any, starter: Plan, team: Plan, stripe: SandboxControl, account: Account
) -> None:
    answers = click(*islice(cycle(["starter", "team"]), 4))
    assert {answer.status_code for answer in answers} == {201}
    assert len([s for s in account.all("checkout/sessions") if s["status"] == "open"]) == 1
    assert pay_every_page(stripe, answers) == 1
    assert len(account.all("subscriptions", status="all")) == 1


def test_the_row_that_waits_is_the_page_that_can_be_paid(
    click: Any, starter: Plan, team: Plan, account: Account
) -> None:
    click("starter", "team", "starter", "team")
    live = Checkout.objects.get(status__in=Checkout.LIVE)
    session = account.get(f"checkout/sessions/{live.stripe_session_id}")
    assert session["status"] == "open"
    assert session["metadata"]["plan"] == live.plan.code


def test_whoever_pays_in_one_tab_is_not_sold_another_plan_in_the_next(
    click: Any, starter: Plan, team: Plan, stripe: SandboxControl, account: Account
) -> None:
    assert pay_every_page(stripe, click("starter")) == 1
    answers = click("team", "starter", "team")
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(409, "already_subscribed")}
    assert len(account.all("subscriptions", status="all")) == 1


def test_a_page_is_paid_once(
    click: Any, starter: Plan, stripe: SandboxControl, account: Account
) -> None:
    (answer,) = click("starter")
    assert pay_every_page(stripe, [answer]) == 1
    assert pay_every_page(stripe, [answer]) == 0
    assert len(account.all("subscriptions", status="all")) == 1


def test_a_change_asked_for_twice_at_once_is_one_change(
    alice: User, subscribed: Entitlement, team: Plan, account: Account
) -> None:
    def change(_: int) -> Any:
        try:
            path = f"/api/v1/tenants/{subscribed.tenant_id}/subscription/change"
            return signed_in(alice).post(path, {"plan": "team"})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as tabs:
        answers = [answer.status_code for answer in tabs.map(change, range(3))]
    assert sorted(answers) == [200, 409, 409]
    (subscription,) = account.all("subscriptions", status="all")
    assert len(subscription["items"]["data"]) == 1
    upgrades = [i for i in account.all("invoices") if i["billing_reason"] == "subscription_update"]
    assert len(upgrades) == 1


def test_the_api_opens_no_page_for_who_has_a_subscription(
    api: APIClient, subscribed: Entitlement, team: Plan, account: Account
) -> None:
    answer = api.post(f"/api/v1/tenants/{subscribed.tenant_id}/checkout", {"plan": "team"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
    assert [s["status"] for s in account.all("checkout/sessions")] == ["complete"]


def test_no_page_is_opened_beside_a_subscription_that_only_stripe_knows_of(
    api: APIClient, subscribed: Entitlement, account: Account
) -> None:
    """As after a lost webhook of a purchase that no checkout of ours led to."""
    Entitlement.objects.update(status=Entitlement.Status.NONE)
    answer = api.post(f"/api/v1/tenants/{subscribed.tenant_id}/checkout", {"plan": "starter"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
    assert Entitlement.objects.get().status == Entitlement.Status.ACTIVE


def test_a_second_subscription_that_came_about_anyway_is_reported_as_soon_as_it_is_seen(
    subscribed: Entitlement, by_hand: str
) -> None:
    again = entitlement_refresh(tenant_id=subscribed.tenant_id)
    finding = Finding.objects.get(resolved_at=None)
    assert finding.kind == Finding.Kind.TWO_SUBSCRIPTIONS
    assert (finding.subject, finding.amount) == (f"tenant:{subscribed.tenant_id}", 900)
    assert again is not None
    assert again.bots == 1, "paid twice, and run once"


def test_the_report_is_closed_once_one_of_them_has_ended(
    subscribed: Entitlement, by_hand: str, account: Account
) -> None:
    entitlement_refresh(tenant_id=subscribed.tenant_id)
    account.delete(f"subscriptions/{by_hand}")
    entitlement_refresh(tenant_id=subscribed.tenant_id)
    assert not Finding.objects.filter(resolved_at=None).exists()
    assert audit.audit() == []
