"""`expand[]`: put objects in the place of their ids."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows.session_prices import session_breakdown
from sandbox.stripe.objects import listing
from sandbox.types import Json

if TYPE_CHECKING:
    from sandbox.stripe.world import World

EXPANSION_DEPTH = 4


def expanded(world: World, answer: Json, paths: list[str]) -> Json:
    """Return a copy of the answer with every path expanded."""
    grown = copy.deepcopy(answer)
    for path in paths:
        steps = path.split(".")
        if len(steps) - (steps[0] == "data") > EXPANSION_DEPTH:
            raise invalid("You cannot expand more than 4 levels of a property", "expand")
        _expand(_Place(world, path, grown), grown, steps)
    return grown


@dataclass(frozen=True)
class _Place:
    """Where an expansion is: its whole path, and the object that it is inside of."""

    world: World
    path: str
    owner: Json


def _expand(place: _Place, node: Any, steps: list[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _expand(place, item, steps)
        return
    if not steps or not isinstance(node, dict):
        return
    name, *rest = steps
    inside = replace(place, owner=node) if "object" in node else place
    node[name] = _value(inside, node, name)
    _expand(inside, node[name], rest)


def _value(place: _Place, node: Json, name: str) -> Any:
    world, path = place.world, place.path
    include = INCLUDED.get((node.get("object", ""), name))
    if include and not node.get(name):
        return copy.deepcopy(include(world, place.owner))
    if name not in node:
        message = f"This property cannot be expanded ({path})."
        raise invalid(message, "expand")
    value = node[name]
    if isinstance(value, list):
        return [_object(world, row) for row in value]
    return _object(world, value)


def _object(world: World, value: Any) -> Any:
    """Return the object in the place of its id; anything else stays."""
    if isinstance(value, str):
        return copy.deepcopy(world.objects.find(value) or value)
    return value


def _subscriptions(world: World, customer: Json) -> Json:
    found = [
        sub
        for sub in reversed(world.objects.of("subscription"))
        if sub["customer"] == customer["id"] and sub["status"] != "canceled"
    ]
    return listing(found, f"/v1/customers/{customer['id']}/subscriptions")


def _sources(_: World, customer: Json) -> Json:
    return listing([], f"/v1/customers/{customer['id']}/sources")


def _refunds(world: World, charge: Json) -> Json:
    found = [row for row in world.objects.of("refund") if row["charge"] == charge["id"]]
    return listing(found[::-1], f"/v1/charges/{charge['id']}/refunds")


def _payments(world: World, invoice: Json) -> Json:
    found = [row for row in world.objects.of("invoice_payment") if row["invoice"] == invoice["id"]]
    return listing(found, "/v1/invoice_payments")


def _line_items(world: World, session: Json) -> Json:
    found = world.hidden(session["id"]).get("line_items", [])
    return listing(found, f"/v1/checkout/sessions/{session['id']}/line_items")


def _no_rows(_: World, __: Json) -> list[Json]:
    return []


def _applies_to(world: World, coupon: Json) -> Json:
    return {"products": list(world.hidden(coupon["id"]).get("products", []))}


def _tax_ids(world: World, customer: Json) -> Json:
    rows = [row for row in world.objects.of("tax_id") if row["customer"] == customer["id"]]
    return listing(rows[::-1], f"/v1/customers/{customer['id']}/tax_ids")


def _tiers(world: World, price: Json) -> list[Json] | None:
    return world.hidden(price["id"]).get("tiers") or None


def _nothing(_: World, __: Json) -> None:
    return None


INCLUDED: dict[tuple[str, str], Callable[[World, Json], Any]] = {
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "sources"): _sources,
    ("customer", "tax_ids"): _tax_ids,
    ("coupon", "applies_to"): _applies_to,
    ("charge", "refunds"): _refunds,
    ("invoice", "payments"): _payments,
    ("checkout.session", "line_items"): _line_items,
    ("item", "discounts"): _no_rows,
    ("", "breakdown"): session_breakdown,
    ("price", "tiers"): _tiers,
    ("price", "currency_options"): _nothing,
    ("product", "default_price"): _nothing,
}
"""Properties that Stripe leaves out of an object unless they are asked for."""
