"""The first plans, their products and prices at Stripe, and what the API shows of them."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from billing.models import Plan
from sandbox.control import SandboxControl
from tests.billing.conftest import Account

pytestmark = pytest.mark.django_db


def load_plans() -> str:
    said = StringIO()
    call_command("load_plans", stdout=said)
    return said.getvalue()


def test_loading_gives_each_plan_one_product_and_one_price(
    stripe: SandboxControl, account: Account
) -> None:
    said = load_plans()
    plans = {plan.stripe_price_id: plan for plan in Plan.objects.all()}
    assert [plan.code for plan in plans.values()] == ["starter", "team", "studio"]
    prices = account.all("prices")
    assert {price["id"] for price in prices} == plans.keys()
    for price in prices:
        plan = plans[price["id"]]
        assert plan.stripe_product_id == price["product"]
        assert (price["unit_amount"], price["currency"]) == (plan.amount, plan.currency)
        assert price["recurring"]["interval"] == plan.interval
        assert f"{plan.code}: {price['id']}" in said


def test_loading_twice_makes_nothing_twice(stripe: SandboxControl, account: Account) -> None:
    load_plans()
    before = (account.all("products"), account.all("prices"), list(Plan.objects.values()))
    load_plans()
    assert (account.all("products"), account.all("prices"), list(Plan.objects.values())) == before


def test_loading_leaves_what_staff_changed(stripe: SandboxControl) -> None:
    load_plans()
    Plan.objects.filter(code="starter").update(name="First steps", on_sale=False)
    load_plans()
    starter = Plan.objects.get(code="starter")
    assert (starter.name, starter.on_sale) == ("First steps", False)


def test_a_new_amount_is_a_new_price_of_the_same_product(
    stripe: SandboxControl, account: Account
) -> None:
    load_plans()
    Plan.objects.filter(code="starter").update(amount=1100)
    old = Plan.objects.get(code="starter")
    load_plans()
    new = Plan.objects.get(code="starter")
    assert new.stripe_product_id == old.stripe_product_id
    assert new.stripe_price_id != old.stripe_price_id
    assert account.get(f"prices/{new.stripe_price_id}")["unit_amount"] == 1100


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
    assert len(account.all("products")) == len(account.all("prices")) == 3


def test_everybody_may_see_what_is_on_sale_and_nothing_else(plan: Plan) -> None:
    Plan.objects.create(
        code="old", name="Old", amount=1, memory_mb=256, cpu_millis=100, pids=64, disk_gb=1,
        on_sale=False,
    )  # fmt: skip
    shown = Client().get("/api/v1/plans").json()
    assert [each["code"] for each in shown] == ["small"]
    assert shown[0]["price"] == {"amount": 900, "currency": "eur", "interval": "month"}
    assert shown[0]["cpus"] == 0.5
    assert "stripe_price_id" not in shown[0]
