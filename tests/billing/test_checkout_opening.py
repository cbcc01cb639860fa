"""Opening a payment page: one at a time, told clearly, and never anything charged by mistake."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from djstripe.models import Customer
from rest_framework.test import APIClient

from billing import holds
from billing.checkouts import tenant_checkouts_refresh
from billing.entitlements import entitlement_refresh
from billing.gateways import stripe as gateway
from billing.models import Checkout, Entitlement, Hold, Plan
from sandbox.control import SandboxControl
from tenants.models import Tenant, User
from tests.billing.conftest import Account
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
SESSIONS = "/v1/checkout/sessions"


@pytest.fixture
def choose(api: APIClient, tenant: Tenant) -> Callable[[str], Any]:
    """Alice clicks on a plan."""
    return lambda plan: api.post(f"/api/v1/tenants/{tenant.pk}/checkout", {"plan": plan})


def sessions(account: Account, status: str = "open") -> list[str]:
    return [s["id"] for s in account.all("checkout/sessions") if s["status"] == status]


def test_a_plan_opens_a_payment_page_of_stripe(
    choose: Any, starter: Plan, account: Account, tenant: Tenant
) -> None:
    answer = choose("starter")
    assert answer.status_code == 201
    checkout = Checkout.objects.get()
    session = account.get(f"checkout/sessions/{checkout.stripe_session_id}")
    assert answer.json()["url"] == session["url"] != ""
    assert answer.json()["status"] == "open"
    assert (session["mode"], session["amount_total"]) == ("subscription", 900)
    assert session["metadata"] == {"tenant": str(tenant.pk), "plan": "starter"}
    customer = account.get(f"customers/{session['customer']}")
    assert (customer["email"], customer["name"]) == ("alice@example.com", "Alice & Co")


def test_an_unknown_plan_is_refused_with_its_field(
    choose: Any, starter: Plan, account: Account
) -> None:
    answer = choose("enormous")
    assert answer.status_code == 400
    assert answer.json()["code"] == "unknown_plan"
    assert answer.json()["fields"].keys() == {"plan"}
    assert not Checkout.objects.exists()
    assert account.all("customers") == []


def test_a_plan_that_is_off_sale_is_unknown(choose: Any, starter: Plan) -> None:
    Plan.objects.update(on_sale=False)
    assert choose("starter").json()["code"] == "unknown_plan"


def test_a_plan_without_a_price_at_stripe_cannot_be_bought_yet(
    choose: Any, starter: Plan, account: Account
) -> None:
    answer = choose("team")
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_not_priced")
    assert sessions(account) == []


@pytest.mark.parametrize("reason", Hold.Reason.values)
def test_who_is_on_hold_is_sold_nothing_until_it_is_lifted(
    choose: Any, starter: Plan, tenant: Tenant, account: Account, reason: str
) -> None:
    hold = holds.hold_place(tenant=tenant, reason=reason, note="Fraud?", by="staff")
    answer = choose("starter")
    assert (answer.status_code, answer.json()["code"]) == (409, "on_hold")
    assert "Fraud" not in answer.json()["message"]
    assert sessions(account) == []
    holds.hold_lift(hold=hold, note="It was not.", by="staff")
    assert choose("starter").status_code == 201


class TestFreeDays:
    @pytest.fixture(autouse=True)
    def trial(self, starter: Plan) -> None:
        Plan.objects.update(trial_days=14)

    def test_are_given_to_who_buys_for_the_first_time(
        self, choose: Any, api: APIClient, tenant: Tenant, stripe: SandboxControl
    ) -> None:
        subscription = f"/api/v1/tenants/{tenant.pk}/subscription"
        assert api.get(subscription).json()["trial_possible"]
        stripe.pay_checkout(choose("starter").json()["url"])
        assert entitlement_refresh(tenant_id=tenant.pk).status == "trialing"  # type: ignore[union-attr]
        assert not api.get(subscription).json()["trial_possible"]

    def test_are_not_given_again_to_who_cancelled_and_comes_back(
        self, choose: Any, api: APIClient, tenant: Tenant, stripe: SandboxControl, account: Account
    ) -> None:
        stripe.pay_checkout(choose("starter").json()["url"])
        tenant_checkouts_refresh(tenant_id=tenant.pk)
        answer = api.post(f"/api/v1/tenants/{tenant.pk}/subscription/cancel", {"when": "now"})
        assert answer.json()["status"] == "canceled"
        stripe.pay_checkout(choose("starter").json()["url"])
        assert entitlement_refresh(tenant_id=tenant.pk).status == "active"  # type: ignore[union-attr]
        assert [i["amount_paid"] for i in account.all("invoices")] == [900, 0]


def test_who_has_a_subscription_is_not_charged_again(
    choose: Any, starter: Plan, tenant: Tenant, account: Account
) -> None:
    Entitlement.objects.create(tenant=tenant, plan=starter, status="active", bots=1)
    answer = choose("starter")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
    assert "not charged again" in answer.json()["message"]
    assert sessions(account) == []


def test_who_has_just_paid_is_not_charged_again_although_no_webhook_came(
    choose: Any, starter: Plan, tenant: Tenant, stripe: SandboxControl, account: Account
) -> None:
    choose("starter")
    stripe.pay_checkout(Checkout.objects.get().stripe_session_id)
    answer = choose("starter")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
    assert len(account.all("subscriptions")) == 1
    assert Entitlement.objects.get(tenant=tenant).status == "active", "and the bot is not lost"


def test_who_has_cancelled_may_buy_again(
    choose: Any, starter: Plan, tenant: Tenant, account: Account
) -> None:
    Entitlement.objects.create(tenant=tenant, plan=starter, status="canceled")
    assert choose("starter").status_code == 201


def test_a_second_click_leads_to_the_same_page(
    choose: Any, starter: Plan, account: Account
) -> None:
    first, second = choose("starter").json(), choose("starter").json()
    assert (first["id"], first["url"]) == (second["id"], second["url"])
    assert len(sessions(account)) == 1


def test_clicks_at_the_same_moment_lead_to_the_same_page(
    alice: User, tenant: Tenant, starter: Plan, account: Account
) -> None:
    def click(_: int) -> Any:
        try:
            path = f"/api/v1/tenants/{tenant.pk}/checkout"
            return signed_in(alice).post(path, {"plan": "starter"})
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as clicks:
        answers = list(clicks.map(click, range(4)))
    assert [a.status_code for a in answers] == [201] * 4
    assert len({a.json()["url"] for a in answers}) == 1
    assert len(sessions(account)) == 1
    assert len(account.all("customers")) == 1


def test_another_plan_closes_the_first_page_at_stripe(
    choose: Any, starter: Plan, team: Plan, account: Account, stripe: SandboxControl
) -> None:
    first, second = choose("starter").json(), choose("team").json()
    assert first["url"] != second["url"]
    assert len(sessions(account)) == 1
    assert len(sessions(account, "expired")) == 1
    assert Checkout.objects.get(pk=first["id"]).status == Checkout.Status.EXPIRED


def test_a_stale_page_is_told_and_a_new_one_opened(
    choose: Any, api: APIClient, starter: Plan, stripe: SandboxControl
) -> None:
    stale = choose("starter").json()
    stripe.advance_clock(timedelta(days=2))
    fresh = choose("starter").json()
    assert fresh["url"] != stale["url"]
    told = api.get(f"/api/v1/checkouts/{stale['id']}").json()
    assert told["status"] == "expired"
    assert "Nothing was charged" in told["message"]


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "status", "status": 500}])
def test_while_stripe_is_away_nothing_is_charged_and_the_person_is_told(
    fault: dict[str, Any], choose: Any, starter: Plan, stripe: SandboxControl, account: Account
) -> None:
    stripe.add_fault("stripe", **fault, path=SESSIONS, method="POST", times=None)
    answer = choose("starter")
    assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
    assert "Stripe could not open the checkout" in answer.json()["message"]
    assert "Nothing was changed" in answer.json()["message"]
    stripe.clear()
    assert account.all("checkout/sessions") == []
    assert not Entitlement.objects.exists()


@pytest.mark.usefixtures("starter")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("path", [SESSIONS, "/v1/customers"])
def test_after_an_error_of_stripe_the_next_click_works(
    path: str, when: str, choose: Any, stripe: SandboxControl, account: Account
) -> None:
    """Stripe gives a 500 again to every retry with the same idempotency key, for a day."""
    stripe.add_fault("stripe", "status", status=500, when=when, path=path, method="POST")
    assert choose("starter").status_code == 503
    assert choose("starter").status_code == 201
    assert len(account.all("customers")) == 1


def test_a_session_whose_answer_was_lost_is_the_one_that_the_retry_returns(
    choose: Any, starter: Plan, stripe: SandboxControl, account: Account
) -> None:
    lost = {"kind": "timeout_after", "seconds": 0.2, "path": SESSIONS, "method": "POST"}
    stripe.add_fault("stripe", **lost, times=2)
    assert choose("starter").status_code == 503
    made = sessions(account)
    assert len(made) == 1
    assert choose("starter").status_code == 201
    assert sessions(account) == made
    assert Checkout.objects.get().stripe_session_id == made[0]


def test_a_customer_whose_answer_was_lost_is_not_made_twice(
    choose: Any, starter: Plan, stripe: SandboxControl, account: Account
) -> None:
    lost = {"kind": "timeout_after", "seconds": 0.2, "path": "/v1/customers", "method": "POST"}
    stripe.add_fault("stripe", **lost, times=2)
    assert choose("starter").status_code == 503
    assert choose("starter").status_code == 201
    customers = account.all("customers")
    assert len(customers) == 1
    assert Customer.objects.get().id == customers[0]["id"]


def test_two_tenants_of_one_person_are_two_customers(
    alice: User, tenant: Tenant, starter: Plan, account: Account
) -> None:
    from tenants.services import tenant_create

    other = tenant_create(owner=alice, slug="alice-two", name="")
    for each in (tenant, other):
        answer = signed_in(alice).post(f"/api/v1/tenants/{each.pk}/checkout", {"plan": "starter"})
        assert answer.status_code == 201
    customers = account.all("customers")
    assert {c["metadata"][gateway.SUBSCRIBER_KEY] for c in customers} == {
        str(tenant.pk),
        str(other.pk),
    }


def test_a_declined_card_leaves_the_page_open(
    choose: Any, starter: Plan, stripe: SandboxControl, account: Account
) -> None:
    from sandbox.control import DECLINED_CARD, CheckoutRefused

    choose("starter")
    with pytest.raises(CheckoutRefused):
        stripe.pay_checkout(Checkout.objects.get().stripe_session_id, card=DECLINED_CARD)
    assert choose("starter").json()["status"] == "open"
    assert account.all("subscriptions") == []
