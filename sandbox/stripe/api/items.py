"""Subscription items: read from a call's parameters, listed, added, changed, removed."""

from __future__ import annotations

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.errors import invalid, missing, parameter_missing
from sandbox.stripe.flows import subscriptions as flow
from sandbox.stripe.flows.amounts import metered
from sandbox.stripe.flows.items import Change, ItemChange, item_named
from sandbox.stripe.objects import listing
from sandbox.stripe.params import Params
from sandbox.types import Json

PRORATIONS = ("create_prorations", "always_invoice", "none")
CHANGE = ("price", "quantity", "proration_behavior", "proration_date")


def items_wanted(call: Call, params: Params, name: str) -> list[tuple[Json, int | None]]:
    """Return the prices and quantities of a new subscription."""
    wanted = params.children(name)
    if not wanted:
        raise parameter_missing(params.path(name))
    return [_item(call, item) for item in wanted]


def _item(call: Call, item: Params) -> tuple[Json, int | None]:
    item.allow(("price", "quantity"))
    price = price_wanted(call, item)
    return price, _quantity(item, price, 1)


def price_wanted(call: Call, item: Params) -> Json:
    """Return the price that an item names: recurring and active."""
    param = item.path("price")
    price = call.world.objects.get("price", item.required("price"), param)
    if not price["recurring"]:
        raise invalid("The price specified is set to `type=one_time`; use a recurring one.", param)
    if not price["active"]:
        raise invalid("The price specified is inactive.", param)
    return price


def _quantity(item: Params, price: Json, default: int | None) -> int | None:
    quantity = item.number("quantity")
    if metered(price):
        if quantity is not None:
            message = "Quantity should not be specified for a metered price."
            raise invalid(message, item.path("quantity"))
        return None
    if quantity is not None and quantity < 0:
        raise invalid("Invalid non-negative integer", item.path("quantity"))
    return (1 if default is None else default) if quantity is None else quantity


def change_wanted(call: Call, params: Params, subscription: Json) -> Change:
    """Return what a call wants to change about a subscription's items."""
    wanted = [_item_change(call, subscription, item) for item in params.children("items")]
    return Change(_at(call, params, subscription), wanted, _behavior(params))


def _behavior(params: Params) -> str:
    return params.choice("proration_behavior", PRORATIONS, PRORATIONS[0])


def _at(call: Call, params: Params, subscription: Json) -> int:
    now = call.world.now()
    at = params.number("proration_date", now) or now
    start = subscription["items"]["data"][0]["current_period_start"]
    if not start <= at <= max(flow.period_end(subscription), now):
        message = "The proration date must be within the current period."
        raise invalid(message, params.path("proration_date"))
    return at


def _item_change(call: Call, subscription: Json, item: Params) -> ItemChange:
    item.allow(("id", "price", "quantity", "deleted"))
    item_id = item.text("id")
    if item_id is None:
        price = price_wanted(call, item)
        return ItemChange(None, price, _quantity(item, price, 1))
    current = item_named(subscription["items"]["data"], item_id)
    price = price_wanted(call, item) if "price" in item else current["price"]
    quantity = _quantity(item, price, current.get("quantity"))
    return ItemChange(item_id, price, quantity, bool(item.flag("deleted")))


def item_list(call: Call) -> Json:
    """GET /v1/subscription_items."""
    call.params.allow((*LIST_PARAMS, "subscription"))
    subscription_id = call.params.required("subscription")
    subscription = call.world.objects.get("subscription", subscription_id, "subscription")
    return listing(subscription["items"]["data"], subscription["items"]["url"])


def item_retrieve(call: Call) -> Json:
    """GET /v1/subscription_items/{id}."""
    return _found(call)[1]


def _found(call: Call) -> tuple[Json, Json]:
    for subscription in call.world.objects.of("subscription"):
        for item in subscription["items"]["data"]:
            if item["id"] == call.id:
                return subscription, item
    raise missing("subscription_item", call.id, "id")


def item_create(call: Call) -> Json:
    """POST /v1/subscription_items."""
    call.params.allow(("subscription", *CHANGE))
    subscription_id = call.params.required("subscription")
    subscription = call.world.objects.get("subscription", subscription_id, "subscription")
    price = price_wanted(call, call.params)
    change = ItemChange(None, price, _quantity(call.params, price, 1))
    return _apply(call, subscription, change)[-1]


def item_update(call: Call) -> Json:
    """POST /v1/subscription_items/{id}."""
    call.params.allow(CHANGE)
    subscription, item = _found(call)
    price = price_wanted(call, call.params) if "price" in call.params else item["price"]
    change = ItemChange(item["id"], price, _quantity(call.params, price, item.get("quantity")))
    return item_named(_apply(call, subscription, change), item["id"])


def item_delete(call: Call) -> Json:
    """DELETE /v1/subscription_items/{id}."""
    call.params.allow(("proration_behavior", "proration_date"))
    subscription, item = _found(call)
    _apply(call, subscription, ItemChange(item["id"], item["price"], None, deleted=True))
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


def _apply(call: Call, subscription: Json, change: ItemChange) -> list[Json]:
    wanted = Change(_at(call, call.params, subscription), [change], _behavior(call.params))
    flow.subscription_change(call.world, subscription, wanted)
    items: list[Json] = subscription["items"]["data"]
    return items


ROUTES: Table = [
    ("GET", "/v1/subscription_items", item_list),
    ("POST", "/v1/subscription_items", item_create),
    ("GET", "/v1/subscription_items/{id}", item_retrieve),
    ("POST", "/v1/subscription_items/{id}", item_update),
    ("DELETE", "/v1/subscription_items/{id}", item_delete),
]
