"""Months without payment: the clock counts from the first unpaid invoice, whatever Stripe does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from billing import audit, notices
from billing.models import Checkout, Finding, Plan
from sandbox.control import FAILING_CARD, GOOD_CARD, SandboxControl
from tenants.models import Message, Tenant
from tests.billing.conftest import Account, deliver, work
from tests.conftest import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
Buy = Callable[[Tenant, Plan], Checkout]


class Shop:
    """Alice's account, as time passes and Stripe's deliveries arrive."""

    def __init__(self, tenant: Tenant, stripe: SandboxControl, account: Account) -> None:
        self.tenant, self.stripe, self.account = tenant, stripe, account
        self.begun = stripe.now()
        self._seen: set[str] = set()

    def call(self, step: str = "", method: str = "get", **body: Any) -> Any:
        """Asks our API, at Stripe's time."""
        with self.now():
            self._catch_up()
            path = f"/api/v1/tenants/{self.tenant.pk}/{step or 'subscription'}"
            owner = signed_in(self.tenant.owner.user)  # type: ignore[union-attr]
            return getattr(owner, method)(path, body or None)

    def now(self) -> time_machine.travel:
        """Our clock at Stripe's time."""
        return time_machine.travel(datetime.fromtimestamp(self.stripe.now(), UTC), tick=True)

    def at_day(self, day: int) -> Any:
        """Lets time pass up to a day after the purchase; returns what the API says then."""
        wait = self.begun + day * 86_400 - self.stripe.now()
        self.stripe.advance_clock(timedelta(seconds=wait))
        return self.call().json()

    def pay(self) -> None:
        """Alice enters a good card and pays what is open."""
        card = self.stripe.set_card(self.customer, GOOD_CARD)
        for invoice in self.account.all("invoices", status="open"):
            self.account.post(f"invoices/{invoice['id']}/pay", payment_method=card)

    @property
    def customer(self) -> str:
        return str(self.account.all("customers")[0]["id"])

    def _catch_up(self) -> None:
        for event in self.account.events():
            if event["id"] not in self._seen:
                deliver(event)
                self._seen.add(event["id"])
        work()


@pytest.fixture
def shop(tenant: Tenant, starter: Plan, buy: Buy, stripe: SandboxControl, account: Account) -> Shop:
    """Alice has paid one month, and no card of hers works after it."""
    shop = Shop(tenant, stripe, account)
    buy(tenant, starter)
    assert shop.at_day(1)["service"] == "run"
    stripe.set_card(shop.customer, FAILING_CARD)
    return shop


@pytest.fixture(params=["unpaid", "past_due"])
def never_given_up(request: pytest.FixtureRequest, stripe: SandboxControl) -> str:
    """Stripe is told to keep subscriptions that are not paid."""
    stripe.change_settings(unpaid_end=request.param)
    return str(request.param)


def test_who_never_pays_is_suspended_and_ended_once_though_periods_roll_on(
    never_given_up: str, shop: Shop
) -> None:
    first = shop.at_day(32)
    assert (first["status"], first["service"]) == ("past_due", "run")
    services = {day: shop.at_day(day) for day in (40, 55, 63, 69, 100)}
    assert services[100]["status"] == never_given_up
    assert {day: told["service"] for day, told in services.items()} == {
        40: "suspend",
        55: "suspend",
        63: "suspend",
        69: "end",
        100: "end",
    }
    assert {told["ends_at"] for told in services.values()} == {first["ends_at"]}


def test_paying_what_is_open_after_months_brings_back_and_the_next_default_has_its_own_grace(
    never_given_up: str, shop: Shop
) -> None:
    assert shop.at_day(65)["service"] == "suspend"
    shop.pay()
    back = shop.call().json()
    assert (back["status"], back["service"]) == ("active", "run")
    shop.stripe.set_card(shop.customer, FAILING_CARD)
    again = shop.at_day(94)
    assert (again["status"], again["service"]) == ("past_due", "run")


class TestASubscriptionThatIsNotPaid:
    """Stripe leaves it there, unpaid: it is no reason to sell a second one."""

    @pytest.fixture(autouse=True)
    def unpaid(self, shop: Shop) -> None:
        shop.stripe.change_settings(unpaid_end="unpaid")
        assert shop.at_day(65)["status"] == "unpaid"

    def test_is_told_and_opens_no_payment_page_for_another(self, shop: Shop) -> None:
        told = shop.call().json()
        assert (told["entitled"], told["subscribed"]) == (False, True)
        answer = shop.call("checkout", "post", plan="starter")
        assert (answer.status_code, answer.json()["code"]) == (409, "already_subscribed")
        assert "pay what is open, or cancel it first" in answer.json()["message"]
        assert len(shop.account.all("subscriptions", status="all")) == 1

    def test_can_be_cancelled_and_then_a_plan_be_chosen_again(self, shop: Shop) -> None:
        ended = shop.call("subscription/cancel", "post", when="now")
        assert (ended.status_code, ended.json()["status"]) == (200, "canceled")
        assert shop.call("checkout", "post", plan="starter").status_code == 201

    def test_is_not_changed_to_another_plan(self, shop: Shop) -> None:
        answer = shop.call("subscription/change", "post", plan="starter", quantity=2)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_subscription")

    def test_is_reported_beside_another_one(self, shop: Shop) -> None:
        assert audit.audit() == []
        shop.stripe.set_card(shop.customer, GOOD_CARD)
        (price,) = shop.account.all("subscriptions")[0]["items"]["data"]
        form = {"items[0][price]": price["price"]["id"]}
        shop.account.post("subscriptions", customer=shop.customer, **form)
        assert shop.call().json()["status"] == "active", "what is paid counts"
        (finding,) = audit.audit()
        assert finding.kind == Finding.Kind.TWO_SUBSCRIPTIONS


class TestStripeGivesUp:
    """Its last try fails an hour after the first, and it ends the subscription for that."""

    @pytest.fixture(autouse=True)
    def given_up(self, shop: Shop) -> Any:
        shop.stripe.change_settings(retry_after_seconds=[3600])
        told = shop.at_day(32)
        assert told["status"] == "canceled"
        return told

    def test_and_the_grace_and_the_dates_stay_as_they_were_told(
        self, shop: Shop, given_up: Any
    ) -> None:
        later = {day: shop.at_day(day) for day in (36, 40, 66, 69)}
        assert given_up["service"] == "run"
        assert {day: told["service"] for day, told in later.items()} == {
            36: "run",
            40: "suspend",
            66: "suspend",
            69: "end",
        }
        assert {told["ends_at"] for told in later.values()} == {given_up["ends_at"]}

    def test_and_the_letter_says_until_when_the_bot_runs(self, shop: Shop, given_up: Any) -> None:
        with shop.now():
            notices.notices_queue()
        letter = Message.objects.get(kind="cancelled")
        stops = datetime.fromisoformat(given_up["suspends_at"])
        assert f"runs on until {stops.day} {stops:%B %Y}" in letter.text
        assert "collect" not in letter.text

    def test_what_is_paid_afterwards_counts_until_its_end_and_is_reported(self, shop: Shop) -> None:
        assert shop.at_day(41)["service"] == "suspend"
        shop.pay()
        back = shop.call().json()
        assert (back["status"], back["service"]) == ("canceled", "run")
        assert back["suspends_at"] == back["current_period_end"]
        with shop.now():
            (finding,) = audit.audit()
        assert (finding.kind, finding.amount) == (Finding.Kind.PAID_AFTER_END, 900)
        over = shop.at_day(64)
        assert over["service"] == "suspend"
        with shop.now():
            assert audit.audit() == []

    def test_a_plan_chosen_again_runs_at_once_and_settles_the_report(self, shop: Shop) -> None:
        shop.pay()
        shop.call()
        page = shop.call("checkout", "post", plan="starter").json()["url"]
        shop.stripe.pay_checkout(page)
        assert (shop.call().json()["status"], audit.audit()) == ("active", [])
