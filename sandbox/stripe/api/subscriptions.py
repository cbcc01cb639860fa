"""Subscriptions and their items."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.api.discounts import discounts_change, offers_wanted
from sandbox.stripe.api.items import change_wanted, items_wanted
from sandbox.stripe.errors import invalid, missing
from sandbox.stripe.flows import cards, previews
from sandbox.stripe.flows import subscriptions as flow
from sandbox.stripe.flows.amounts import amount_of
from sandbox.stripe.flows.discounts import Buyer
from sandbox.stripe.flows.taxes import require_located
from sandbox.stripe.objects import page
from sandbox.stripe.shapes.subscriptions import automatic_tax
from sandbox.types import Json

CREATE = (
    "customer", "items", "default_payment_method", "metadata", "trial_period_days", "trial_end",
    "description", "payment_behavior", "collection_method", "proration_behavior", "off_session",
    "discounts", "automatic_tax",
)  # fmt: skip
UPDATE = (
    "items", "cancel_at_period_end", "cancel_at", "default_payment_method", "metadata",
    "description", "proration_behavior", "proration_date", "trial_end", "payment_behavior",
    "cancellation_details", "off_session", "discounts", "automatic_tax",
)  # fmt: skip
OVER = ("canceled", "incomplete_expired")
STATUSES = ("all", "ended", "active", "past_due", "unpaid", "canceled", "incomplete",
            "incomplete_expired", "trialing", "paused")  # fmt: skip
PAYMENTS = ("allow_incomplete", "error_if_incomplete")


def subscription_create(call: Call) -> Json:
    """POST /v1/subscriptions."""
    params, world = call.params, call.world
    params.allow(CREATE)
    customer = world.objects.alive("customer", params.required("customer"), "customer")
    params.choice("collection_method", ("charge_automatically",), "charge_automatically")
    behaviors = ("allow_incomplete", "error_if_incomplete", "default_incomplete")
    behavior = params.choice("payment_behavior", behaviors, "allow_incomplete")
    items = items_wanted(call, params, "items")
    wanted = flow.NewSubscription(
        customer=customer,
        items=items,
        method=_own_method(call, customer),
        trial_end=_trial_end(call),
        metadata=params.merged_metadata(),
        description=params.text("description"),
        pay_now=behavior != "default_incomplete",
        offers=offers_wanted(call, params, _buyer(call, customer, items)),
        automatic_tax=_automatic_tax(call, customer),
    )
    if behavior != "default_incomplete" and not wanted.trial_end:
        _require_method(call, wanted, refuse_declined=behavior == "error_if_incomplete")
    return flow.subscription_start(world, wanted)


def _buyer(call: Call, customer: Json, items: list[tuple[Json, int | None]]) -> Buyer:
    amount = sum(amount_of(call.world, price, quantity) for price, quantity in items)
    return Buyer(customer["id"], amount, items[0][0]["currency"])


def _automatic_tax(call: Call, customer: Json) -> bool:
    wanted = call.params.child("automatic_tax")
    wanted.allow(("enabled",))
    if wanted.flag("enabled"):
        require_located(customer)
    return bool(wanted.flag("enabled"))


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
    if "automatic_tax" in params:
        customer = call.world.objects.alive("customer", subscription["customer"], "customer")
        changes["automatic_tax"] = automatic_tax(enabled=_automatic_tax(call, customer))
    trial_end = params.text("trial_end")
    if trial_end not in (None, "now"):
        changes |= flow.trial_until(call.world, subscription, params.number("trial_end") or 0)
    if "discounts" in params:
        discounts_change(call, subscription)
    _change(call, subscription, changes)
    if trial_end == "now" and subscription["status"] == "trialing":
        flow.trial_end_now(call.world, subscription)
    return subscription


def _change(call: Call, subscription: Json, changes: dict[str, Any]) -> None:
    """Change a subscription and its items; what is to be paid at once must be payable first."""
    world, params = call.world, call.params
    wanted = change_wanted(call, params, subscription)
    behavior = params.choice("payment_behavior", PAYMENTS, PAYMENTS[0])
    if not wanted.items:
        world.update(subscription, flow.UPDATED, **changes)
        return
    if behavior == "error_if_incomplete":
        previews.require_payable(world, subscription, wanted)
    flow.subscription_change(world, subscription, wanted, **changes)


def _cancellation(call: Call, subscription: Json) -> Json:
    params = call.params
    if "cancel_at_period_end" in params:
        wanted = bool(params.flag("cancel_at_period_end"))
        return flow.cancellation_schedule(call.world, subscription, wanted)
    if "cancel_at" in params:
        when = params.number("cancel_at")
        return {"cancel_at": when, "canceled_at": call.world.now() if when else None}
    return {}


def subscription_cancel(call: Call) -> Json:
    """DELETE /v1/subscriptions/{id}."""
    call.params.allow(("invoice_now", "prorate", "cancellation_details"))
    subscription = _running(call)
    details = call.params.child("cancellation_details")
    details.allow(("comment", "feedback"))
    merged = {**subscription["cancellation_details"], **details.values}
    call.world.update(subscription, cancellation_details=merged)
    return flow.subscription_cancel(
        call.world,
        subscription,
        invoice_now=bool(call.params.flag("invoice_now")),
        prorate=bool(call.params.flag("prorate")),
    )


ROUTES: Table = [
    ("POST", "/v1/subscriptions", subscription_create),
    ("GET", "/v1/subscriptions", subscription_list),
    ("GET", "/v1/subscriptions/{id}", subscription_retrieve),
    ("POST", "/v1/subscriptions/{id}", subscription_update),
    ("DELETE", "/v1/subscriptions/{id}", subscription_cancel),
]
