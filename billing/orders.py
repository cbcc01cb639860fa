"""Worker room: an order at its prices: a plan so many times, and add-ons beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.models import AddOn, Plan, Price
from billing.terms import MOST_BOTS
from wopr.common.errors import Refused

MOST_OF_AN_ADD_ON = 20


@dataclass(frozen=True)
class Line:
    """Something that is sold, at a price, so many times."""

    price: Price
    quantity: int


@dataclass(frozen=True)
class Order:
    """What a first purchase is of. The plan comes first at Stripe's page, then the add-ons."""

    plan: Plan
    lines: tuple[Line, ...]


def order_of(*, plan_code: str, interval: str, quantity: int, add_ons: Mapping[str, int]) -> Order:
    """The order at the prices of now; Refused when something of it is not sold."""
    plan = plan_on_sale(plan_code)
    quantity_check(quantity)
    add_on_counts_check(add_ons)
    more = [
        Line(add_on_price(add_on, interval), count)
        for add_on, count in add_ons_on_sale(add_ons).items()
    ]
    return Order(plan, (Line(plan_price(plan, interval), quantity), *more))


def plan_on_sale(code: str) -> Plan:
    plan = Plan.objects.prefetch_related("prices").filter(code=code, on_sale=True).first()
    if plan is None:
        raise Refused("unknown_plan", f"There is no plan “{code}” on sale.", field="plan")
    return plan


def plan_price(plan: Plan, interval: str) -> Price:
    price = plan.price(interval)
    if price is None or not price.stripe_price_id:
        raise Refused(
            "plan_not_priced",
            f"{plan.name} cannot be bought by the {interval} yet: it has no price at Stripe.",
            field="plan",
            status=409,
        )
    return price


def quantity_check(quantity: int) -> None:
    if not 1 <= quantity <= MOST_BOTS:
        raise Refused("bad_quantity", f"Choose 1 to {MOST_BOTS}.", field="quantity")


def add_on_counts_check(wanted: Mapping[str, int]) -> None:
    if not all(0 <= count <= MOST_OF_AN_ADD_ON for count in wanted.values()):
        raise Refused("bad_quantity", f"Choose 0 to {MOST_OF_AN_ADD_ON}.", field="add_ons")


def add_ons_on_sale(wanted: Mapping[str, int]) -> dict[AddOn, int]:
    """The add-ons of these codes, and how many of each; without those of which none is wanted."""
    found = {
        add_on.code: add_on
        for add_on in AddOn.objects.prefetch_related("prices").filter(code__in=wanted, on_sale=True)
    }
    for code, count in wanted.items():
        if count and code not in found:
            raise Refused("unknown_add_on", f"There is no “{code}” on sale.", field="add_ons")
    return {found[code]: count for code, count in wanted.items() if count}


def add_on_price(add_on: AddOn, interval: str) -> Price:
    price = add_on.price(interval)
    if price is None or not price.stripe_price_id:
        raise Refused(
            "add_on_not_priced",
            f"{add_on.name} is not sold by the {interval}; remove it first.",
            field="interval",
            status=409,
        )
    return price
