"""The items of a subscription: what they cost in a period, and what a change of them costs."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows.amounts import amount_of, described, metered, share
from sandbox.stripe.flows.calendar import next_boundary
from sandbox.stripe.flows.discounts import reductions
from sandbox.stripe.flows.meters import usage
from sandbox.stripe.flows.totals import Terms, net, settle
from sandbox.stripe.shapes import invoices as invoice_shapes
from sandbox.stripe.shapes import subscriptions as shapes
from sandbox.stripe.world import World
from sandbox.types import Json

MOST_ITEMS = 20


@dataclass(frozen=True)
class ItemChange:
    """One wish of a caller: change, add (`id` is None) or remove an item."""

    id: str | None
    price: Json
    quantity: int | None
    deleted: bool = False


@dataclass(frozen=True)
class Change:
    """What somebody wants to change about the items, and from when on it counts."""

    at: int
    items: list[ItemChange]
    behavior: str = "create_prorations"


@dataclass(frozen=True)
class Changed:
    """A subscription's items after a change, and what it costs besides the next period.

    A change of the interval begins a new period at once (`restarted`).
    """

    items: list[Json]
    prorations: list[Json]
    restarted: bool


def item_new(subscription: Json, price: Json, quantity: int | None, start: int, end: int) -> Json:
    """Return a new item; it keeps the price as it is now."""
    return shapes.subscription_item(
        start,
        subscription=subscription["id"],
        price=copy.deepcopy(price),
        quantity=quantity,
        start=start,
        end=end,
    )


def item_named(items: list[Json], item_id: str) -> Json:
    """Return the item with this id."""
    for item in items:
        if item["id"] == item_id:
            return item
    raise invalid(f"No such subscription item: '{item_id}'", "items", "resource_missing")


def prices_agree(prices: Iterable[Json], param: str = "items") -> None:
    """Refuse prices that cannot be on one subscription: each once, one currency, one interval."""
    wanted = list(prices)
    if not wanted:
        raise invalid("A subscription must have at least one active plan.", param)
    if len(wanted) > MOST_ITEMS:
        raise invalid(f"A subscription can have up to {MOST_ITEMS} items.", param)
    if len({price["id"] for price in wanted}) < len(wanted):
        raise invalid("Cannot add multiple subscription items with the same plan.", param)
    terms = {(price["currency"], interval_of(price)) for price in wanted}
    if len(terms) > 1:
        message = "Currency and interval fields must match across all plans on this subscription."
        raise invalid(message, param)


def interval_of(price: Json) -> tuple[str, int]:
    """Return how often a price recurs."""
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def period_lines(world: World, subscription: Json, *, free: bool = False) -> list[Json]:
    """Return the invoice lines of the current period, which is paid for in advance."""
    return [
        invoice_shapes.line(
            item,
            amount=0 if free else amount_of(world, item["price"], item["quantity"]),
            description="Trial period" if free else _described(world, item),
            start=item["current_period_start"],
            end=item["current_period_end"],
        )
        for item in subscription["items"]["data"]
        if not metered(item["price"])
    ]


def usage_lines(world: World, subscription: Json, until: int) -> list[Json]:
    """Return the invoice lines for what was used in the current period, paid for afterwards."""
    free = subscription["status"] == "trialing"
    items = [item for item in subscription["items"]["data"] if metered(item["price"])]
    return [_usage_line(world, subscription["customer"], item, until, free) for item in items]


def _usage_line(world: World, customer: str, item: Json, until: int, free: bool) -> Json:
    price, start = item["price"], item["current_period_start"]
    meter = world.objects.get("billing.meter", price["recurring"]["meter"])
    used = usage(world, meter, customer, start, until)
    return invoice_shapes.line(
        item,
        amount=0 if free else amount_of(world, price, used),
        description=described(world, price, used),
        start=start,
        end=until,
        used=used,
    )


def _described(world: World, item: Json) -> str:
    return described(world, item["price"], item["quantity"])


def advanced(subscription: Json) -> list[Json]:
    """Return the items in their next period."""
    items: list[Json] = copy.deepcopy(subscription["items"]["data"])
    for item in items:
        start = item["current_period_end"]
        item["current_period_start"] = start
        item["current_period_end"] = next_boundary(
            subscription["billing_cycle_anchor"], item["price"]["recurring"], start
        )
    return items


def items_change(world: World, subscription: Json, change: Change) -> Changed:
    """Work out what a change would make of the items; nothing is changed by it."""
    at, old = change.at, subscription["items"]["data"]
    new = _wished(subscription, change.items, at)
    prices_agree(item["price"] for item in new)
    trial = subscription["status"] == "trialing"
    restarted = not trial and interval_of(old[0]["price"]) != interval_of(new[0]["price"])
    if restarted:
        _restart(new, at)
    used = usage_lines(world, subscription, at) if restarted else []
    if trial or change.behavior == "none":
        return Changed(new, used, restarted)
    gone = [row for row in old if restarted or row not in new]
    come = [] if restarted else [row for row in new if row not in old]
    before, after = (_costs(world, subscription, items, at) for items in (old, new))
    lines = [_rest(world, row, -before[row["id"]], at) for row in gone if row["id"] in before]
    lines += [_rest(world, row, after[row["id"]], at) for row in come if row["id"] in after]
    return Changed(new, used + lines, restarted)


def _wished(subscription: Json, changes: list[ItemChange], at: int) -> list[Json]:
    items: list[Json] = copy.deepcopy(subscription["items"]["data"])
    start, end = items[0]["current_period_start"], items[0]["current_period_end"]
    for change in changes:
        fresh = item_new(subscription, change.price, change.quantity, start, end)
        if change.id is None:
            items.append({**fresh, "created": at})
            continue
        item = item_named(items, change.id)
        if change.deleted:
            items.remove(item)
        else:
            item.update({**fresh, "id": item["id"], "created": item["created"]})
    return items


def _restart(items: list[Json], at: int) -> None:
    for item in items:
        item["current_period_start"] = at
        item["current_period_end"] = next_boundary(at, item["price"]["recurring"], at)


def unused_lines(world: World, subscription: Json, at: int) -> list[Json]:
    """Return lines that give back what is left of the current period."""
    items = subscription["items"]["data"]
    costs = _costs(world, subscription, items, at)
    return [_rest(world, row, -costs[row["id"]], at) for row in items if row["id"] in costs]


def _costs(world: World, subscription: Json, items: list[Json], at: int) -> dict[str, int]:
    """Return what each item costs in a period, after discounts."""
    lines = period_lines(world, {**subscription, "items": {"data": items}})
    settle(lines, Terms(reductions(world, subscription, at)))
    return {_item_of(line): net(line) for line in lines}


def _item_of(line: Json) -> str:
    return str(line["parent"]["subscription_item_details"]["subscription_item"])


def _rest(world: World, item: Json, cost: int, at: int) -> Json:
    start, end = item["current_period_start"], item["current_period_end"]
    words = "Unused time on" if cost < 0 else "Remaining time on"
    return invoice_shapes.line(
        item,
        amount=share(cost, max(end - at, 0) / max(end - start, 1)),
        description=f"{words} {_described(world, item)}",
        start=at,
        end=end,
        proration=True,
    )
