"""The first plans, their products and prices at Stripe, and what the API shows of them."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from billing.models import IncludedUsage, Plan, Price
from sandbox.control import SandboxControl
from tests.billing.conftest import Account

pytestmark = pytest.mark.django_db


def load_plans() -> str:
    said = StringIO()
    call_command("load_plans", stdout=said)
    return said.getvalue()


def everything(account: Account) -> tuple[Any, ...]:
    """What there is here and at Stripe."""
    there = account.all("products"), account.all("prices")
    return *there, list(Plan.objects.values()), list(Price.objects.values())


def test_loading_gives_each_plan_one_product_with_a_price_for_each_interval(
    stripe: SandboxControl, account: Account
) -> None:
    said = load_plans()
    assert [plan.code for plan in Plan.objects.all()] == ["starter", "team", "studio"]
    rows = {
        price.stripe_price_id: price for price in Price.objects.select_related("plan", "add_on")
    }
    prices = account.all("prices")
    assert {price["id"] for price in prices} == rows.keys()
    assert len(prices) == 2 * (3 + 2), "three plans and two add-ons, by month and by year"
    for price in prices:
        row = rows[price["id"]]
        offer = row.plan or row.add_on
        assert offer is not None
        assert offer.stripe_product_id == price["product"]
        assert (price["unit_amount"], price["currency"]) == (row.amount, row.currency)
        assert price["recurring"]["interval"] == row.interval
        assert f"{offer.code} by the {row.interval}: {price['id']}" in said


def test_loading_twice_makes_nothing_twice(stripe: SandboxControl, account: Account) -> None:
    load_plans()
    before = everything(account)
    load_plans()
    assert everything(account) == before


def test_loading_leaves_what_staff_changed(stripe: SandboxControl) -> None:
    load_plans()
    Plan.objects.filter(code="starter").update(name="First steps", on_sale=False)
    load_plans()
    starter = Plan.objects.get(code="starter")
    assert (starter.name, starter.on_sale) == ("First steps", False)


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "status", "status": 500}])
def test_without_stripe_the_command_names_the_plan_and_the_cause(
    fault: dict[str, Any], stripe: SandboxControl
) -> None:
    stripe.add_fault("stripe", **fault, times=None)
    with pytest.raises(CommandError, match=r"plan starter: Stripe could not be asked about"):
        load_plans()


def test_a_load_that_broke_off_is_finished_by_the_next(
    stripe: SandboxControl, account: Account
) -> None:
    stripe.add_fault("stripe", "drop", path="/v1/prices", method="POST", when="after", times=2)
    with pytest.raises(CommandError):
        load_plans()
    stripe.clear()
    load_plans()
    assert (len(account.all("products")), len(account.all("prices"))) == (5, 10)


def test_everybody_may_see_what_is_on_sale_and_nothing_else(plan: Plan) -> None:
    Plan.objects.create(
        code="old", name="Old", memory_mb=256, cpu_millis=100, pids=64, disk_gb=1, on_sale=False
    )
    shown = Client().get("/api/v1/plans").json()
    assert [each["code"] for each in shown] == ["small"]
    assert shown[0]["price"] == {"amount": 900, "currency": "eur", "interval": "month"}
    assert shown[0]["cpus"] == 0.5
    assert shown[0]["included"] == []
    assert not [name for name in shown[0] if "stripe" in name]


def test_a_plan_shows_a_price_for_each_interval_in_the_currency_that_is_sold_in(
    plan: Plan, settings: Any
) -> None:
    for interval, currency, amount in (("year", "eur", 9000), ("month", "usd", 1000)):
        Price.objects.create(plan=plan, interval=interval, currency=currency, amount=amount)
    (shown,) = Client().get("/api/v1/plans").json()
    assert shown["prices"] == [
        {"amount": 900, "currency": "eur", "interval": "month"},
        {"amount": 9000, "currency": "eur", "interval": "year"},
    ]
    settings.WOPR_CURRENCY = "usd"
    (shown,) = Client().get("/api/v1/plans").json()
    assert shown["prices"] == [{"amount": 1000, "currency": "usd", "interval": "month"}]


def test_a_plan_shows_the_use_that_its_price_covers(plan: Plan) -> None:
    IncludedUsage.objects.create(plan=plan, meter="inference_tokens", quantity=100_000)

    assert Client().get("/api/v1/plans").json()[0]["included"] == [
        {"meter": "inference_tokens", "title": "Inference tokens", "quantity": 100_000}
    ]


def test_a_plan_is_shown_by_the_year_if_it_is_only_sold_so(plan: Plan) -> None:
    Price.objects.update(interval="year")
    (shown,) = Client().get("/api/v1/plans").json()
    assert shown["price"]["interval"] == "year"


def test_a_plan_without_a_price_is_not_shown(plan: Plan) -> None:
    Price.objects.all().delete()
    assert Client().get("/api/v1/plans").json() == []


def test_many_plans_cost_no_more_queries_than_one(
    plan: Plan, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        another = Plan.objects.create(
            code=f"p{number}", name="P", memory_mb=256, cpu_millis=100, pids=64, disk_gb=1
        )
        Price.objects.create(plan=another, amount=1)
    with django_assert_num_queries(3):
        Client().get("/api/v1/plans")
