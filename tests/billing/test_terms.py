"""What a subscription's items allow: the plan by its product, with every add-on counted."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from billing import catalogue
from billing.entitlements import entitlement_refresh
from billing.models import AddOn, Checkout, Entitlement, Plan, Price
from billing.tasks import plan_refresh
from sandbox.control import SandboxControl
from tenants.models import Tenant
from tests.billing.conftest import Account

pytestmark = pytest.mark.django_db(transaction=True)
Buy = Callable[[Tenant, Plan], Checkout]


@pytest.fixture
def bought(tenant: Tenant, starter: Plan, buy: Buy) -> Entitlement:
    buy(tenant, starter)
    return refreshed(tenant)


def refreshed(tenant: Tenant) -> Entitlement:
    entitlement = entitlement_refresh(tenant_id=tenant.pk)
    assert entitlement is not None
    return entitlement


def add_on(code: str, **more: int) -> AddOn:
    """An add-on that is on sale at Stripe, by the month and by the year."""
    row = AddOn.objects.create(code=code, name=code, **more)
    Price.objects.create(add_on=row, interval="month", amount=300)
    Price.objects.create(add_on=row, interval="year", amount=3000)
    catalogue.plan_publish(plan=row)
    return row


def add(account: Account, to: Entitlement, what: AddOn, quantity: int) -> None:
    """Adds an item to the subscription at Stripe."""
    price: Any = what.price("month")
    account.post(
        "subscription_items",
        subscription=to.stripe_subscription_id,
        price=price.stripe_price_id,
        quantity=quantity,
    )


def test_a_plan_alone_gives_its_limits_and_tells_what_is_paid(
    bought: Entitlement, starter: Plan
) -> None:
    assert bought.plan == starter
    assert (bought.bots, bought.memory_mb, bought.cpu_millis, bought.pids) == (1, 256, 500, 128)
    assert (bought.disk_gb, bought.backups_kept) == (2, 3)
    assert (bought.amount, bought.currency, bought.interval) == (900, "eur", "month")


def test_add_ons_are_added_each_as_often_as_it_was_bought(
    tenant: Tenant, bought: Entitlement, account: Account
) -> None:
    add(account, bought, add_on("memory", memory_mb=512, disk_gb=5), 2)
    add(account, bought, add_on("bot", bots=1), 3)
    now = refreshed(tenant)
    assert (now.bots, now.memory_mb, now.disk_gb) == (4, 256 + 2 * 512, 2 + 2 * 5)
    assert (now.cpu_millis, now.pids) == (500, 128)
    assert now.amount == 900 + 5 * 300


def test_something_else_that_is_billed_beside_it_changes_nothing(
    tenant: Tenant, bought: Entitlement, account: Account
) -> None:
    form = {"currency": "eur", "unit_amount": 5, "recurring[interval]": "month"}
    other = account.post("prices", **form, **{"product_data[name]": "Support"})["id"]
    account.post("subscription_items", subscription=bought.stripe_subscription_id, price=other)
    now = refreshed(tenant)
    assert (now.plan, now.bots, now.memory_mb) == (bought.plan, 1, 256)


def test_who_pays_a_price_that_is_sold_no_more_keeps_the_plan(
    tenant: Tenant, bought: Entitlement, starter: Plan
) -> None:
    Price.objects.filter(plan=starter, interval="month").update(amount=1900)
    catalogue.plan_publish(plan=Plan.objects.prefetch_related("prices").get(pk=starter.pk))
    now = refreshed(tenant)
    assert (now.plan, now.entitled, now.amount) == (starter, True, 900)


def test_other_limits_of_a_plan_reach_those_who_have_it(
    tenant: Tenant, bought: Entitlement, starter: Plan
) -> None:
    Plan.objects.filter(pk=starter.pk).update(memory_mb=768)
    plan_refresh(starter.pk)
    assert Entitlement.objects.get(tenant=tenant).memory_mb == 768


class TestByTheYear:
    def open(self, api: APIClient, tenant: Tenant, **choice: Any) -> Any:
        return api.post(f"/api/v1/tenants/{tenant.pk}/checkout", {"plan": "starter", **choice})

    def test_a_plan_is_bought_by_the_year_and_several_times(
        self, api: APIClient, tenant: Tenant, starter: Plan, stripe: SandboxControl
    ) -> None:
        answer = self.open(api, tenant, interval="year", quantity=2)
        assert (answer.status_code, answer.json()["interval"]) == (201, "year")
        stripe.pay_checkout(Checkout.objects.get().stripe_session_id)
        entitlement = refreshed(tenant)
        assert (entitlement.plan, entitlement.bots) == (starter, 2)
        assert (entitlement.amount, entitlement.interval) == (2 * 9000, "year")

    def test_another_interval_is_another_page_and_the_first_is_closed(
        self, api: APIClient, tenant: Tenant, starter: Plan, account: Account
    ) -> None:
        monthly, yearly = self.open(api, tenant), self.open(api, tenant, interval="year")
        assert monthly.json()["url"] != yearly.json()["url"]
        states = [session["status"] for session in account.all("checkout/sessions")]
        assert sorted(states) == ["expired", "open"]

    @pytest.mark.parametrize("choice", [{"interval": "week"}, {"quantity": 0}, {"quantity": 51}])
    def test_what_is_not_sold_is_refused_with_its_field(
        self, api: APIClient, tenant: Tenant, starter: Plan, choice: dict[str, Any]
    ) -> None:
        answer = self.open(api, tenant, **choice)
        assert answer.status_code == 400
        assert answer.json()["fields"].keys() == choice.keys()

    def test_a_plan_without_a_yearly_price_is_not_sold_by_the_year(
        self, api: APIClient, tenant: Tenant, starter: Plan
    ) -> None:
        Price.objects.filter(plan=starter, interval="year").delete()
        assert self.open(api, tenant, interval="year").json()["code"] == "plan_not_priced"


class TestAChange:
    def change(self, api: APIClient, tenant: Tenant, step: str, **choice: Any) -> Any:
        return api.post(f"/api/v1/tenants/{tenant.pk}/subscription/{step}", choice)

    def test_keeps_the_interval_unless_another_is_named(
        self, api: APIClient, tenant: Tenant, bought: Entitlement, team: Plan
    ) -> None:
        assert self.change(api, tenant, "change", plan="team").json()["interval"] == "month"
        by_year = self.change(api, tenant, "change", plan="team", interval="year").json()
        assert (by_year["interval"], by_year["amount"]) == ("year", 29000)
        back = self.change(api, tenant, "change", plan="starter").json()
        assert (back["plan"], back["interval"]) == ("starter", "year")

    def test_is_previewed_for_the_interval_that_is_named(
        self, api: APIClient, tenant: Tenant, bought: Entitlement, account: Account
    ) -> None:
        shown = self.change(api, tenant, "preview", plan="starter", interval="year").json()
        assert shown["due_now"] > 7000
        assert refreshed(tenant).interval == "month"

    def test_takes_add_ons_along(
        self, api: APIClient, tenant: Tenant, bought: Entitlement, account: Account
    ) -> None:
        add(account, bought, add_on("memory", memory_mb=512), 1)
        now = self.change(api, tenant, "change", plan="starter", interval="year").json()
        assert (now["interval"], now["amount"]) == ("year", 9000 + 3000)
        assert refreshed(tenant).memory_mb == 768

    def test_changes_the_plan_and_not_the_add_on(
        self, api: APIClient, tenant: Tenant, bought: Entitlement, team: Plan, account: Account
    ) -> None:
        add(account, bought, add_on("memory", memory_mb=512), 1)
        now = self.change(api, tenant, "change", plan="team").json()
        assert now["plan"] == "team"
        assert refreshed(tenant).memory_mb == 1024 + 512
        assert len(account.all("subscriptions")) == 1


class TestSettings:
    def session(self, api: APIClient, tenant: Tenant, account: Account) -> Any:
        api.post(f"/api/v1/tenants/{tenant.pk}/checkout", {"plan": "starter"})
        return account.get(f"checkout/sessions/{Checkout.objects.get().stripe_session_id}")

    def test_taxes_are_computed_by_stripe_where_they_are_switched_on(
        self, api: APIClient, tenant: Tenant, starter: Plan, account: Account, settings: Any
    ) -> None:
        settings.WOPR_STRIPE_TAX = True
        session = self.session(api, tenant, account)
        assert session["automatic_tax"]["enabled"]
        assert session["tax_id_collection"]["enabled"]

    def test_no_taxes_unless_they_are_switched_on(
        self, api: APIClient, tenant: Tenant, starter: Plan, account: Account
    ) -> None:
        session = self.session(api, tenant, account)
        assert not session["automatic_tax"]["enabled"]

    def test_promotion_codes_are_taken(
        self, api: APIClient, tenant: Tenant, starter: Plan, account: Account
    ) -> None:
        assert self.session(api, tenant, account)["allow_promotion_codes"]

    def test_promotion_codes_can_be_switched_off(
        self, api: APIClient, tenant: Tenant, starter: Plan, account: Account, settings: Any
    ) -> None:
        settings.WOPR_STRIPE_PROMOTION_CODES = False
        assert not self.session(api, tenant, account)["allow_promotion_codes"]
