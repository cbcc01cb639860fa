"""Worker room: what a wished change makes of the items of a subscription.

Who has something keeps its price for as long as the interval stays, also when that price, or the
thing itself, is sold no more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from billing.models import AddOn, Plan, Price
from billing.orders import (
    add_on_counts_check,
    add_on_price,
    add_ons_on_sale,
    plan_on_sale,
    plan_price,
    quantity_check,
)
from billing.terms import add_ons_of, items_of, plan_of
from wopr.common.errors import Refused


@dataclass(frozen=True)
class Wish:
    """What a customer wants to have. What is None stays as it is."""

    plan: str
    interval: str | None = None
    quantity: int | None = None
    add_ons: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Target:
    """Where a change leads: the plan, what it all costs each interval, and the items to change."""

    plan: Plan
    interval: str
    quantity: int
    add_ons: dict[str, int]
    amount: int
    period_end: int
    items: list[dict[str, Any]] = field(repr=False)


def target_of(subscription: Any, wish: Wish) -> Target:
    """Refused when something of the wish is not sold, or nothing would change."""
    plan_item = _plan_item(subscription)
    interval = wish.interval or plan_item["price"]["recurring"]["interval"]
    quantity = plan_item["quantity"] if wish.quantity is None else wish.quantity
    quantity_check(quantity)
    plan = _plan(subscription, wish.plan)
    steps = [_plan_step(plan, plan_item, interval, quantity)]
    add_ons = _add_ons(subscription, wish)
    steps += _add_on_steps(subscription, add_ons, interval)
    items = [step.change for step in steps if step.change]
    if not items:
        raise Refused("no_change", f"You have {plan.name} already.", field="plan", status=409)
    return Target(
        plan=plan,
        interval=interval,
        quantity=quantity,
        add_ons={add_on.code: count for add_on, count in add_ons.items()},
        amount=sum(step.amount for step in steps),
        period_end=plan_item["current_period_end"],
        items=items,
    )


@dataclass(frozen=True)
class _Step:
    """What becomes of one item: nothing (`change` is empty), or what Stripe is told of it."""

    change: dict[str, Any]
    amount: int


def _kept(item: Any, quantity: int) -> _Step:
    """An item at the price that it has."""
    amount = (item["price"]["unit_amount"] or 0) * quantity
    if item["quantity"] == quantity:
        return _Step({}, amount)
    return _Step({"id": item["id"], "quantity": quantity}, amount)


def _priced(item: Any | None, price: Price, quantity: int) -> _Step:
    """A new item, or one at another price; named by its id, so that it is not doubled."""
    named = {} if item is None else {"id": item["id"]}
    change = {**named, "price": price.stripe_price_id, "quantity": quantity}
    return _Step(change, price.amount * quantity)


def _plan_item(subscription: Any) -> Any:
    """The item that is the plan; beside it there may be add-ons and metered ones."""
    items = subscription["items"]["data"]
    _, plan_item = plan_of(items_of(subscription))
    wanted = plan_item.price_id if plan_item else items[0]["price"]["id"]
    return next(item for item in items if item["price"]["id"] == wanted)


def _plan(subscription: Any, code: str) -> Plan:
    held, _ = plan_of(items_of(subscription))
    return held if held is not None and held.code == code else plan_on_sale(code)


def _plan_step(plan: Plan, item: Any, interval: str, quantity: int) -> _Step:
    if _stays(item, plan, interval):
        return _kept(item, quantity)
    return _priced(item, plan_price(plan, interval), quantity)


def _add_ons(subscription: Any, wish: Wish) -> dict[AddOn, int]:
    """How many of each there are to be. What the customer has need not be on sale."""
    held = add_ons_of(items_of(subscription))
    if wish.add_ons is None:
        return held
    add_on_counts_check(wish.add_ons)
    codes = {add_on.code: add_on for add_on in held}
    kept = {codes[code]: count for code, count in wish.add_ons.items() if code in codes and count}
    new = {code: count for code, count in wish.add_ons.items() if code not in codes}
    return {**kept, **add_ons_on_sale(new)}


def _add_on_steps(
    subscription: Any, add_ons: Mapping[AddOn, int], interval: str
) -> Iterator[_Step]:
    """Stripe wants one interval for all items, so add-ons move to theirs of the same length."""
    items = {item["price"]["product"]: item for item in subscription["items"]["data"]}
    for add_on, count in add_ons.items():
        item = items.get(add_on.stripe_product_id)
        if item is not None and _stays(item, add_on, interval):
            yield _kept(item, count)
        else:
            yield _priced(item, add_on_price(add_on, interval), count)
    for add_on in add_ons_of(items_of(subscription)):
        if add_on not in add_ons:
            yield _Step({"id": items[add_on.stripe_product_id]["id"], "deleted": True}, 0)


def _stays(item: Any, offer: Plan | AddOn, interval: str) -> bool:
    price = item["price"]
    has = (price["product"], price["recurring"]["interval"])
    return bool(has == (offer.stripe_product_id, interval))
