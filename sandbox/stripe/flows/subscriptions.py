"""The life of a subscription: it starts, renews, changes its price, ends."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows import dunning
from sandbox.stripe.flows.calendar import next_boundary
from sandbox.stripe.flows.discounts import Offer, discount_attach
from sandbox.stripe.flows.invoices import (
    invoice_collect,
    invoice_draft,
    invoice_finalize,
)
from sandbox.stripe.flows.items import (
    Change,
    advanced,
    item_new,
    items_change,
    period_lines,
    prices_agree,
    unused_lines,
    usage_lines,
)
from sandbox.stripe.shapes import subscriptions as shapes
from sandbox.stripe.world import World
from sandbox.types import Json

INCOMPLETE_SECONDS = 23 * 3600
UPDATED = "customer.subscription.updated"
CYCLE = "subscription_cycle"


@dataclass
class NewSubscription:
    """What somebody subscribes to, and on what terms."""

    customer: Json
    items: list[tuple[Json, int | None]]
    method: Json | None = None
    trial_end: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    pay_now: bool = True
    offers: list[Offer] = field(default_factory=list)
    automatic_tax: bool = False


def subscription_start(world: World, wanted: NewSubscription) -> Json:
    """Create a subscription with its first invoice and try to get that paid."""
    subscription = subscription_drafted(world, wanted)
    for offer in wanted.offers:
        discount_attach(world, subscription, offer)
    lines = period_lines(world, subscription, free=wanted.trial_end is not None)
    invoice = invoice_draft(world, subscription, lines, "subscription_create")
    world.create(subscription, "customer.subscription.created")
    world.update(wanted.customer, "customer.updated", currency=subscription["currency"])
    invoice_finalize(world, invoice)
    if wanted.pay_now or wanted.trial_end:
        invoice_collect(world, invoice)
    return subscription


def subscription_drafted(world: World, wanted: NewSubscription) -> Json:
    """Return the subscription that would begin now; nothing is kept."""
    now, trial = world.now(), wanted.trial_end
    prices_agree(price for price, _ in wanted.items)
    first = wanted.items[0][0]
    subscription = shapes.subscription(
        now,
        customer=wanted.customer["id"],
        currency=first["currency"],
        default_payment_method=wanted.method["id"] if wanted.method else None,
        description=wanted.description,
        metadata=wanted.metadata,
        billing_cycle_anchor=trial or now,
        trial_end=trial,
        trial_start=now if trial else None,
        status="trialing" if trial else "incomplete",
        automatic_tax=shapes.automatic_tax(enabled=wanted.automatic_tax),
    )
    end = trial or next_boundary(now, first["recurring"], now)
    subscription["items"]["data"] = [
        item_new(subscription, price, quantity, now, end) for price, quantity in wanted.items
    ]
    return subscription


def period_end(subscription: Json) -> int:
    """Return when the current period ends (of the item that ends first)."""
    return int(min(item["current_period_end"] for item in subscription["items"]["data"]))


def subscription_renew(world: World, subscription: Json) -> None:
    """Begin the next period and invoice it; a trial that ends becomes active first."""
    changes: Json = {"items": items_with(subscription, advanced(subscription))}
    if subscription["status"] == "trialing":
        changes["status"] = "active"
    lines = world.hidden(subscription["id"]).pop("pending_lines", [])
    lines += usage_lines(world, subscription, period_end(subscription))
    before = copy.deepcopy(
        {key: subscription[key] for key in ("items", "status", "latest_invoice")}
    )
    subscription.update(changes)
    invoice = invoice_draft(world, subscription, lines + period_lines(world, subscription), CYCLE)
    changed = {key: value for key, value in before.items() if subscription[key] != value}
    world.emit(UPDATED, subscription, changed)
    if subscription["status"] == "unpaid":
        world.update(invoice, auto_advance=False)
        return
    world.update(invoice, automatically_finalizes_at=world.now() + world.settings.draft_seconds)


def trial_end_now(world: World, subscription: Json) -> None:
    """End a trial early: the paid period begins at this moment."""
    now = world.now()
    for item in subscription["items"]["data"]:
        item["current_period_end"] = now
    subscription.update(trial_end=now, billing_cycle_anchor=now)
    subscription_renew(world, subscription)


def trial_until(world: World, subscription: Json, when: int) -> Json:
    """Return the changes that let a subscription be free until then; it renews at that moment."""
    if when <= world.now():
        raise invalid(
            "Invalid timestamp: must be an integer Unix timestamp in the future", "trial_end"
        )
    items = copy.deepcopy(subscription["items"]["data"])
    for item in items:
        item["current_period_end"] = when
    world.hidden(subscription["id"]).pop("noticed", None)
    return {
        "status": "trialing",
        "trial_start": subscription["trial_start"] or world.now(),
        "trial_end": when,
        "billing_cycle_anchor": when,
        "items": items_with(subscription, items),
    }


def items_with(subscription: Json, items: list[Json]) -> Json:
    """Return a subscription's list of items with other contents."""
    return {**subscription["items"], "data": items}


def draft_advance(world: World, invoice: Json) -> None:
    """Finalize a draft whose hour has come and collect it."""
    invoice_finalize(world, invoice)
    invoice_collect(world, invoice)


def subscription_finish(world: World, subscription: Json) -> Json:
    """End a subscription as it was scheduled, and invoice what was used until then."""
    dunning.subscription_end(world, subscription, reason="cancellation_requested")
    _final_invoice(world, subscription)
    return subscription


def subscription_cancel(
    world: World, subscription: Json, *, invoice_now: bool = False, prorate: bool = False
) -> Json:
    """Cancel at once because somebody asked for it; by itself that settles nothing."""
    if prorate:
        unused = unused_lines(world, subscription, world.now())
        world.hidden(subscription["id"]).setdefault("pending_lines", []).extend(unused)
    dunning.subscription_end(world, subscription, reason="cancellation_requested")
    if invoice_now:
        _final_invoice(world, subscription)
    return subscription


def _final_invoice(world: World, subscription: Json) -> None:
    lines = world.hidden(subscription["id"]).pop("pending_lines", [])
    lines += usage_lines(world, subscription, min(world.now(), period_end(subscription)))
    if any(line["amount"] for line in lines):
        draft_advance(world, invoice_draft(world, subscription, lines, CYCLE))


def subscription_expire(world: World, subscription: Json) -> Json:
    """Give up on a subscription whose first invoice was never paid."""
    return world.update(subscription, UPDATED, status="incomplete_expired", ended_at=world.now())


def cancellation_schedule(world: World, subscription: Json, wanted: bool) -> Json:
    """Return the changes that schedule, or take back, the cancellation at the period's end."""
    details = {**subscription["cancellation_details"]}
    details["reason"] = "cancellation_requested" if wanted else None
    return {
        "cancel_at_period_end": wanted,
        "cancel_at": period_end(subscription) if wanted else None,
        "canceled_at": world.now() if wanted else None,
        "cancellation_details": details,
    }


def subscription_change(world: World, subscription: Json, change: Change, **more: Any) -> Json:
    """Change the items, and what else is given; book what it costs, or invoice it at once."""
    changed = items_change(world, subscription, change)
    changes: Json = {**more, "items": items_with(subscription, changed.items)}
    lines = list(changed.prorations)
    if changed.restarted:
        changes["billing_cycle_anchor"] = change.at
        lines += period_lines(world, {**subscription, **changes})
    world.hidden(subscription["id"]).setdefault("pending_lines", []).extend(lines)
    world.update(subscription, UPDATED, **changes)
    if changed.restarted or change.behavior == "always_invoice":
        pending_invoice(world, subscription)
    return subscription


def pending_invoice(world: World, subscription: Json) -> None:
    """Invoice at once what is booked for the next invoice."""
    lines = world.hidden(subscription["id"]).pop("pending_lines", [])
    if lines:
        draft_advance(world, invoice_draft(world, subscription, lines, "subscription_update"))
