"""Subscriptions and their items."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.errors import invalid, missing, parameter_missing
from sandbox.stripe.flows import cards
from sandbox.stripe.flows import subscriptions as flow
from sandbox.stripe.objects import listing, page
from sandbox.stripe.params import Params
from sandbox.types import Json

CREATE = (
    "customer", "items", "default_payment_method", "metadata", "trial_period_days", "trial_end",
    "description", "payment_behavior", "collection_method", "proration_behavior", "off_session",
    "payment_settings",
)  # fmt: skip
UPDATE = (
    "items", "cancel_at_period_end", "cancel_at", "default_payment_method", "metadata",
    "description", "proration_behavior", "trial_end", "payment_behavior", "cancellation_details",
)  # fmt: skip
OVER = ("canceled", "incomplete_expired")
STATUSES = ("all", "ended", "active", "past_due", "unpaid", "canceled", "incomplete",
            "incomplete_expired", "trialing", "paused")  # fmt: skip
PRORATIONS = ("create_prorations", "always_invoice", "none")


def subscription_create(call: Call) -> Json:
    """POST /v1/subscriptions."""
    params, world = call.params, call.world
    params.allow(CREATE)
    customer = world.objects.alive("customer", params.required("customer"), "customer")
    params.choice("collection_method", ("charge_automatically",), "charge_automatically")
    behaviors = ("allow_incomplete", "error_if_incomplete", "default_incomplete")
    behavior = params.choice("payment_behavior", behaviors, "allow_incomplete")
    wanted = flow.NewSubscription(
        customer=customer,
        items=_items(call),
        method=_own_method(call, customer),
        trial_end=_trial_end(call),
        metadata=params.merged_metadata(),
        description=params.text("description"),
        pay_now=behavior != "default_incomplete",
    )
    if behavior != "default_incomplete" and not wanted.trial_end:
        _require_method(call, wanted, refuse_declined=behavior == "error_if_incomplete")
    return flow.subscription_start(world, wanted)


def _items(call: Call) -> list[tuple[Json, int]]:
    wanted = call.params.children("items")
    if not wanted:
        raise parameter_missing("items")
    return [(_price(call, item), item.number("quantity", 1) or 1) for item in wanted]


def _price(call: Call, item: Params) -> Json:
    item.allow(("price", "quantity"))
    param = item.path("price")
    price = call.world.objects.get("price", item.required("price"), param)
    if not price["recurring"]:
        raise invalid("The price specified is set to `type=one_time`; use a recurring one.", param)
    if not price["active"]:
        raise invalid("The price specified is inactive.", param)
    return price


def _own_method(call: Call, customer: Json) -> Json | None:
    method_id = call.params.text("default_payment_method")
    if not method_id:
        return None
    method = call.world.objects.get("payment_method", method_id, "default_payment_method")
    if method["customer"] != customer["id"]:
        message = f"The customer does not have a payment method with the ID {method_id}."
        raise invalid(message, "default_payment_method", "resource_missing")
    return method


def _trial_end(call: Call) -> int | None:
    days = call.params.number("trial_period_days")
    if days:
        return call.world.now() + days * 86_400
    return call.params.number("trial_end")


def _require_method(call: Call, wanted: flow.NewSubscription, *, refuse_declined: bool) -> None:
    default = wanted.customer["invoice_settings"]["default_payment_method"]
    method = wanted.method or (default and call.world.objects.get("payment_method", default))
    if not method:
        message = (
            "This customer has no attached payment source or default payment method. "
            "Please consider adding a default payment method."
        )
        raise invalid(message, code="resource_missing")
    declined = cards.decline_of(call.world, method)
    if refuse_declined and declined:
        raise cards.decline_error(declined)


def subscription_retrieve(call: Call) -> Json:
    """GET /v1/subscriptions/{id}."""
    return call.world.objects.get("subscription", call.id)


def _running(call: Call) -> Json:
    subscription = subscription_retrieve(call)
    if subscription["status"] in OVER:
        raise missing("subscription", call.id, "id")
    return subscription


def subscription_list(call: Call) -> Json:
    """GET /v1/subscriptions: canceled ones only when the status asks for them."""
    params = call.params
    params.allow((*LIST_PARAMS, "customer", "price", "status", "collection_method"))
    status = params.choice("status", STATUSES, "all") if params.text("status") else "running"
    price = params.text("price")
    found = [
        row
        for row in call.world.objects.of("subscription")
        if _has_status(row, status)
        and params.text("customer") in (None, row["customer"])
        and (not price or any(item["price"]["id"] == price for item in row["items"]["data"]))
    ]
    return page(found, params, "/v1/subscriptions")


def _has_status(subscription: Json, wanted: str) -> bool:
    if wanted == "all":
        return True
    if wanted == "running":
        return subscription["status"] not in OVER
    if wanted == "ended":
        return subscription["status"] in OVER
    return bool(subscription["status"] == wanted)


def subscription_update(call: Call) -> Json:
    """POST /v1/subscriptions/{id}."""
    subscription, params = _running(call), call.params
    params.allow(UPDATE)
    changes: dict[str, Any] = {"metadata": params.merged_metadata(subscription["metadata"])}
    if "description" in params:
        changes["description"] = params.text("description")
    if "default_payment_method" in params:
        customer = call.world.objects.alive("customer", subscription["customer"], "customer")
        method = _own_method(call, customer)
        changes["default_payment_method"] = method["id"] if method else None
    changes |= _cancellation(call, subscription)
    prorations = params.choice("proration_behavior", PRORATIONS, "create_prorations")
    if "items" in params:
        wanted = [_item_change(call, subscription, item) for item in params.children("items")]
        changes["items"] = flow.items_reprice(call.world, subscription, wanted, prorations)
    ends_trial = params.text("trial_end") == "now"
    call.world.update(subscription, flow.UPDATED, **changes)
    if prorations == "always_invoice":
        flow.pending_invoice(call.world, subscription)
    if ends_trial and subscription["status"] == "trialing":
        flow.trial_end_now(call.world, subscription)
    return subscription


def _cancellation(call: Call, subscription: Json) -> Json:
    params = call.params
    if "cancel_at_period_end" in params:
        wanted = bool(params.flag("cancel_at_period_end"))
        return flow.cancellation_schedule(call.world, subscription, wanted)
    if "cancel_at" in params:
        when = params.number("cancel_at")
        return {"cancel_at": when, "canceled_at": call.world.now() if when else None}
    return {}


def _item_change(call: Call, subscription: Json, item: Params) -> Json:
    item.allow(("id", "price", "quantity"))
    item_id = item.text("id")
    if item_id is None:
        raise invalid("The sandbox changes items, it does not add any.", item.path("id"))
    current = flow.item_named(subscription["items"]["data"], item_id)
    price = current["price"]
    if "price" in item:
        price = _price(call, Params({"price": item.required("price")}, item.prefix))
    quantity = item.number("quantity", current["quantity"])
    return {"id": item_id, "price": price, "quantity": quantity}


def subscription_cancel(call: Call) -> Json:
    """DELETE /v1/subscriptions/{id}."""
    call.params.allow(("invoice_now", "prorate", "cancellation_details"))
    subscription = _running(call)
    details = call.params.child("cancellation_details")
    details.allow(("comment", "feedback"))
    merged = {**subscription["cancellation_details"], **details.values}
    call.world.update(subscription, cancellation_details=merged)
    return flow.subscription_cancel(call.world, subscription)


def item_list(call: Call) -> Json:
    """GET /v1/subscription_items."""
    call.params.allow((*LIST_PARAMS, "subscription"))
    subscription_id = call.params.required("subscription")
    subscription = call.world.objects.get("subscription", subscription_id, "subscription")
    return listing(subscription["items"]["data"], subscription["items"]["url"])


def item_retrieve(call: Call) -> Json:
    """GET /v1/subscription_items/{id}."""
    for subscription in call.world.objects.of("subscription"):
        for item in subscription["items"]["data"]:
            if item["id"] == call.id:
                return dict(item)
    raise missing("subscription_item", call.id, "id")


ROUTES: Table = [
    ("POST", "/v1/subscriptions", subscription_create),
    ("GET", "/v1/subscriptions", subscription_list),
    ("GET", "/v1/subscriptions/{id}", subscription_retrieve),
    ("POST", "/v1/subscriptions/{id}", subscription_update),
    ("DELETE", "/v1/subscriptions/{id}", subscription_cancel),
    ("GET", "/v1/subscription_items", item_list),
    ("GET", "/v1/subscription_items/{id}", item_retrieve),
]
