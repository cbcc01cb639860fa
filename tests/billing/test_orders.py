"""Orders: add-ons at the checkout, changes with their cost shown first, and what stays as it is."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.utils import timezone
from rest_framework.test import APIClient

from billing import catalogue
from billing.entitlements import entitlement_refresh
from billing.models import AddOn, Checkout, Entitlement, Hold, Plan, Price
from sandbox.control import FAILING_CARD, GOOD_CARD, SandboxControl
from tenants.models import Tenant
from tests.billing.conftest import Account

pytestmark = pytest.mark.django_db(transaction=True)
Buy = Callable[[Tenant, Plan], Checkout]


@pytest.fixture
def memory(starter: Plan) -> AddOn:
    return add_on_at_stripe("memory", memory_mb=512)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def add_on_at_stripe(code: str, **more: int) -> AddOn:
    row = AddOn.objects.create(code=code, name=code.title(), **more)
    for interval, amount in (("month", 300), ("year", 3000)):
        Price.objects.create(add_on=row, interval=interval, amount=amount)
    catalogue.plan_publish(plan=row)
    return row


class TestAtTheCheckout:
    @pytest.fixture
    def choose(self, api: APIClient, tenant: Tenant) -> Callable[..., Any]:
        path = f"/api/v1/tenants/{tenant.pk}/checkout"
        return lambda **choice: api.post(path, {"plan": "starter", **choice})

    def test_add_ons_on_sale_are_listed_with_their_prices(
        self, api: APIClient, memory: AddOn
    ) -> None:
        AddOn.objects.create(code="later", name="No price yet")
        (listed,) = api.get("/api/v1/add-ons").json()
        assert (listed["code"], listed["memory_mb"]) == ("memory", 512)
        assert [(p["interval"], p["amount"]) for p in listed["prices"]] == [
            ("month", 300),
            ("year", 3000),
        ]

    def test_add_ons_are_paid_with_the_plan(
        self, choose: Any, memory: AddOn, tenant: Tenant, stripe: SandboxControl
    ) -> None:
        opened = choose(quantity=2, add_ons={"memory": 3}).json()
        assert opened["add_ons"] == {"memory": 3}
        stripe.pay_checkout(Checkout.objects.get().stripe_session_id)
        entitlement = entitlement_refresh(tenant_id=tenant.pk)
        assert entitlement is not None
        assert (entitlement.quantity, entitlement.add_ons) == (2, {"memory": 3})
        assert (entitlement.bots, entitlement.memory_mb) == (2, 256 + 3 * 512)
        assert entitlement.amount == 2 * 900 + 3 * 300

    def test_other_add_ons_are_another_page_and_the_first_is_closed(
        self, choose: Any, memory: AddOn, account: Account
    ) -> None:
        first, same = choose(add_ons={"memory": 1}).json(), choose(add_ons={"memory": 1}).json()
        other = choose(add_ons={"memory": 0}).json()
        assert first["url"] == same["url"] != other["url"]
        states = [session["status"] for session in account.all("checkout/sessions")]
        assert sorted(states) == ["expired", "open"]

    @pytest.mark.parametrize("add_ons", [{"gold": 1}, {"memory": 21}, {"memory": -1}])
    def test_what_is_not_sold_is_refused_with_its_field(
        self, choose: Any, memory: AddOn, add_ons: dict[str, int]
    ) -> None:
        answer = choose(add_ons=add_ons)
        assert answer.status_code == 400
        assert answer.json()["fields"].keys() == {"add_ons"}
        assert not Checkout.objects.exists()

    def test_an_add_on_off_sale_is_not_sold(self, choose: Any, memory: AddOn) -> None:
        AddOn.objects.update(on_sale=False)
        assert choose(add_ons={"memory": 1}).json()["code"] == "unknown_add_on"


class TestAChange:
    @pytest.fixture(autouse=True)
    def bought(self, tenant: Tenant, starter: Plan, buy: Buy) -> Entitlement:
        buy(tenant, starter)
        entitlement = entitlement_refresh(tenant_id=tenant.pk)
        assert entitlement is not None
        return entitlement

    @pytest.fixture
    def step(self, api: APIClient, tenant: Tenant) -> Callable[..., Any]:
        path = f"/api/v1/tenants/{tenant.pk}/subscription"
        return lambda name, **wish: api.post(f"{path}/{name}", {"plan": "starter", **wish})

    def test_add_ons_come_change_and_go(
        self, step: Any, memory: AddOn, tenant: Tenant, account: Account
    ) -> None:
        assert step("change", add_ons={"memory": 1}).json()["add_ons"] == {"memory": 1}
        assert step("change", add_ons={"memory": 2}).json()["amount"] == 900 + 2 * 300
        gone = step("change", add_ons={}).json()
        assert (gone["add_ons"], gone["amount"]) == ({}, 900)
        (subscription,) = account.all("subscriptions")
        assert len(subscription["items"]["data"]) == 1

    def test_what_is_not_named_stays(self, step: Any, memory: AddOn, team: Plan) -> None:
        step("change", quantity=3, add_ons={"memory": 1})
        now = step("change", plan="team").json()
        assert (now["plan"], now["quantity"], now["add_ons"]) == ("team", 3, {"memory": 1})

    def test_a_preview_tells_what_is_due_now_and_what_comes_then(
        self, step: Any, memory: AddOn, team: Plan, bought: Entitlement, account: Account
    ) -> None:
        shown = step("preview", plan="team", add_ons={"memory": 1}).json()
        assert 0 < shown["due_now"] <= 2900 + 300 - 900
        assert shown["due_now"] == sum(line["amount"] for line in shown["lines"])
        assert (shown["next_amount"], shown["credit"]) == (2900 + 300, 0)
        assert bought.current_period_end is not None
        assert shown["next_at"] == f"{bought.current_period_end:%Y-%m-%dT%H:%M:%SZ}"
        (subscription,) = account.all("subscriptions")
        assert subscription["items"]["data"][0]["price"]["unit_amount"] == 900, "nothing is changed"

    def test_a_change_costs_what_its_preview_said_however_long_it_was_looked_at(
        self, step: Any, team: Plan, stripe: SandboxControl, account: Account
    ) -> None:
        stripe.advance_clock(timedelta(days=3))
        shown = step("preview", plan="team").json()
        stripe.advance_clock(timedelta(minutes=50))
        later = step("preview", plan="team").json()
        assert later["due_now"] < shown["due_now"], "less of the month is left"
        assert step("change", plan="team", quote=shown["quote"]).status_code == 200
        assert account.all("invoices")[0]["amount_paid"] == shown["due_now"]

    def test_a_quote_that_is_old_forged_or_of_another_period_is_refused(
        self, step: Any, team: Plan, stripe: SandboxControl, account: Account
    ) -> None:
        quote = step("preview", plan="team").json()["quote"]
        stripe.advance_clock(timedelta(days=32))
        forged = signing.dumps({"subscription": "sub_x", "at": stripe.now()}, salt="mine")
        answers = [step("change", plan="team", quote=each) for each in (quote, forged)]
        with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
            answers.append(step("change", plan="team", quote=quote))
        assert {(a.status_code, a.json()["code"]) for a in answers} == {(409, "quote_expired")}
        assert {i["amount_paid"] for i in account.all("invoices")} == {900}

    def test_a_preview_of_the_year_has_its_next_invoice_in_a_year(self, step: Any) -> None:
        by_month = step("preview", quantity=2).json()
        by_year = step("preview", interval="year", quantity=2).json()
        assert by_year["next_amount"] == 2 * 9000
        later = moment(by_year["next_at"]) - moment(by_month["next_at"])
        assert timedelta(days=330) < later < timedelta(days=340)

    def test_a_smaller_plan_is_a_credit(self, step: Any, team: Plan) -> None:
        step("change", plan="team")
        shown = step("preview").json()
        assert shown["due_now"] == 0
        assert 0 < shown["credit"] <= 2900 - 900

    def test_more_of_a_plan_keeps_the_price_that_is_paid(self, step: Any, starter: Plan) -> None:
        Price.objects.filter(plan=starter, interval="month").update(amount=1900)
        catalogue.plan_publish(plan=Plan.objects.prefetch_related("prices").get(pk=starter.pk))
        assert step("change", quantity=2).json()["amount"] == 2 * 900

    def test_a_declined_card_is_told_as_such_and_the_same_change_succeeds_with_another(
        self, step: Any, team: Plan, bought: Entitlement, stripe: SandboxControl, account: Account
    ) -> None:
        (customer,) = account.all("customers")
        stripe.set_card(customer["id"], FAILING_CARD)
        declined = step("change", plan="team")
        assert (declined.status_code, declined.json()["code"]) == (402, "card_declined")
        assert "declined" in declined.json()["message"]
        unchanged = entitlement_refresh(tenant_id=bought.tenant_id)
        assert unchanged is not None
        assert unchanged.plan == bought.plan
        stripe.set_card(customer["id"], GOOD_CARD)
        changed = step("change", plan="team")
        assert (changed.status_code, changed.json()["plan"]) == (200, "team")

    def test_a_plan_off_sale_can_be_kept_and_not_come_back_to(
        self, step: Any, starter: Plan, team: Plan
    ) -> None:
        Plan.objects.filter(pk=starter.pk).update(on_sale=False)
        assert step("change", quantity=2).json()["quantity"] == 2
        assert step("change", plan="team").json()["plan"] == "team"
        assert step("change").json()["code"] == "unknown_plan"

    def test_nothing_to_change_is_told(self, step: Any, memory: AddOn) -> None:
        answer = step("preview", quantity=1, interval="month", add_ons={"memory": 0})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_change")

    def test_who_is_on_hold_is_charged_for_no_change_and_may_cancel(
        self, step: Any, team: Plan, tenant: Tenant, account: Account
    ) -> None:
        Hold.objects.create(tenant=tenant, reason=Hold.Reason.BAN, note="?", placed_by="staff")
        answer = step("change", plan="team")
        assert (answer.status_code, answer.json()["code"]) == (409, "on_hold")
        assert len(account.all("invoices")) == 1
        assert step("cancel", when="now").json()["status"] == "canceled"

    @pytest.mark.parametrize(
        ("wish", "field"),
        [({"quantity": 0}, "quantity"), ({"add_ons": {"gold": 1}}, "add_ons")],
    )
    def test_what_is_not_sold_is_refused_with_its_field(
        self, step: Any, wish: dict[str, Any], field: str
    ) -> None:
        answer = step("preview", **wish)
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])

    def test_the_answer_says_why_a_service_is_stopped_and_not_which_hold_it_is(
        self, api: APIClient, tenant: Tenant
    ) -> None:
        path = f"/api/v1/tenants/{tenant.pk}/subscription"
        assert api.get(path).json()["reason"] == ""
        Hold.objects.create(tenant=tenant, reason=Hold.Reason.BAN, note="spam", placed_by="staff")
        told = api.get(path)
        assert (told.json()["service"], told.json()["reason"]) == ("suspend", "held")
        assert "spam" not in told.content.decode()
        assert "ban" not in told.content.decode()
