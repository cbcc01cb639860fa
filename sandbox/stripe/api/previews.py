"""Invoice previews."""

from __future__ import annotations

from sandbox.stripe.api.call import Call, Table
from sandbox.stripe.api.items import change_wanted, items_wanted
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.flows import previews
from sandbox.stripe.flows.items import Change
from sandbox.stripe.flows.subscriptions import NewSubscription
from sandbox.stripe.params import Params
from sandbox.types import Json

CREATE = ("customer", "subscription", "subscription_details", "currency")
DETAILS = ("items", "proration_behavior", "proration_date", "trial_end")


def invoice_preview(call: Call) -> Json:
    """POST /v1/invoices/create_preview."""
    call.params.allow(CREATE)
    details = call.params.child("subscription_details")
    details.allow(DETAILS)
    subscription = _subscription(call)
    if subscription is None:
        return previews.new_preview(call.world, _new(call, details))
    if "trial_end" in details:
        raise invalid("The sandbox previews no other end of a trial.", details.path("trial_end"))
    change = change_wanted(call, details, subscription) if details.values else _none(call)
    return previews.change_preview(call.world, subscription, change)


def _none(call: Call) -> Change:
    return Change(call.world.now(), [])


def _subscription(call: Call) -> Json | None:
    """Return the subscription that is meant: the one named, or the customer's first."""
    named, customer = call.params.text("subscription"), call.params.text("customer")
    if named is None and customer is None:
        raise invalid("You must provide one of `customer` or `subscription`.", "customer")
    if named is None:
        return None if "subscription_details" in call.params else _first(call, str(customer))
    subscription = call.world.objects.get("subscription", named, "subscription")
    if customer not in (None, subscription["customer"]):
        message = f"The subscription {named} does not belong to the customer {customer}."
        raise invalid(message, "subscription")
    return subscription


def _first(call: Call, customer: str) -> Json:
    call.world.objects.alive("customer", customer, "customer")
    for subscription in call.world.objects.of("subscription"):
        running = subscription["status"] not in ("canceled", "incomplete_expired")
        if subscription["customer"] == customer and running:
            return subscription
    message = f"No upcoming invoices for customer: '{customer}'"
    raise StripeError(404, message, code="invoice_upcoming_none")


def _new(call: Call, details: Params) -> NewSubscription:
    customer_id = call.params.required("customer")
    return NewSubscription(
        customer=call.world.objects.alive("customer", customer_id, "customer"),
        items=items_wanted(call, details, "items"),
        trial_end=details.number("trial_end"),
    )


ROUTES: Table = [("POST", "/v1/invoices/create_preview", invoice_preview)]
