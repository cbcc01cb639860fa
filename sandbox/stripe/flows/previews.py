"""The invoice that would come: of a subscription as it is, changed, or only wished for."""

from __future__ import annotations

import copy

from sandbox.stripe.errors import StripeError
from sandbox.stripe.flows.cards import decline_error, decline_of, default_method
from sandbox.stripe.flows.invoices import invoice_drawn
from sandbox.stripe.flows.items import Change, advanced, items_change, period_lines, usage_lines
from sandbox.stripe.flows.subscriptions import (
    NewSubscription,
    items_with,
    period_end,
    subscription_drafted,
)
from sandbox.stripe.objects import new_id
from sandbox.stripe.world import World
from sandbox.types import Json

COLLECT_SECONDS = 3600


def change_preview(world: World, subscription: Json, change: Change) -> Json:
    """Return the next invoice of a subscription after a change; nothing is changed by it."""
    invoice = _changed_preview(world, subscription, change)
    if change.items:
        details = invoice["parent"]["subscription_details"]
        details["subscription_proration_date"] = change.at
    return invoice


def _changed_preview(world: World, subscription: Json, change: Change) -> Json:
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise _nothing_comes(subscription)
    changed = copy.deepcopy(subscription)
    lines = copy.deepcopy(world.hidden(subscription["id"]).get("pending_lines", []))
    if change.items:
        result = items_change(world, changed, change)
        changed["items"] = items_with(changed, result.items)
        lines += result.prorations
        if result.restarted:
            return _upcoming(world, changed, lines + period_lines(world, changed), change.at)
    if change.items and change.behavior == "always_invoice":
        return _upcoming(world, changed, lines, change.at)
    return renewal_preview(world, changed, lines)


def renewal_preview(world: World, subscription: Json, lines: list[Json]) -> Json:
    """Return the invoice of the next period, with what is booked for it."""
    when = period_end(subscription)
    lines += usage_lines(world, subscription, when)
    if not _renews(subscription) and not lines:
        raise _nothing_comes(subscription)
    if not _renews(subscription):
        return _upcoming(world, subscription, lines, when)
    following = {**subscription, "items": items_with(subscription, advanced(subscription))}
    return _upcoming(world, following, lines + period_lines(world, following), when)


def new_preview(world: World, wanted: NewSubscription) -> Json:
    """Return the first invoice of a subscription that nobody has yet."""
    subscription = subscription_drafted(world, wanted)
    lines = period_lines(world, subscription, free=wanted.trial_end is not None)
    invoice = _upcoming(world, subscription, lines, world.now())
    invoice["parent"]["subscription_details"]["subscription"] = None
    for line in invoice["lines"]["data"]:
        line["subscription"] = None
        line["parent"]["subscription_item_details"]["subscription"] = None
    return invoice


def _renews(subscription: Json) -> bool:
    ends = subscription["cancel_at"]
    return ends is None or ends > period_end(subscription)


def _nothing_comes(subscription: Json) -> StripeError:
    message = f"No upcoming invoices for customer: '{subscription['customer']}'"
    return StripeError(404, message, code="invoice_upcoming_none")


def _upcoming(world: World, subscription: Json, lines: list[Json], when: int) -> Json:
    invoice = invoice_drawn(world, subscription, lines, "upcoming", when)
    customer = world.objects.get("customer", subscription["customer"])
    owed = invoice["total"] + customer["balance"]
    invoice_id = new_id("upcoming_in")
    for line in lines:
        line["invoice"] = invoice_id
    return {
        **invoice,
        "id": invoice_id,
        "lines": {**invoice["lines"], "url": f"/v1/invoices/{invoice_id}/lines"},
        "amount_due": max(owed, 0),
        "amount_remaining": max(owed, 0),
        "starting_balance": customer["balance"],
        "ending_balance": min(owed, 0),
        "created": when,
        "next_payment_attempt": when + COLLECT_SECONDS,
        "period_end": when,
    }


def require_payable(world: World, subscription: Json, change: Change) -> None:
    """Refuse a change whose invoice, due at once, the customer's card would not pay."""
    invoice = change_preview(world, subscription, change)
    at_once = invoice["created"] == change.at
    customer = world.objects.get("customer", subscription["customer"])
    declined = decline_of(world, default_method(world, subscription, customer))
    if at_once and invoice["amount_due"] and declined:
        raise decline_error(declined)
