"""The life of a subscription: it starts, renews, changes its price, ends."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows import dunning
from sandbox.stripe.flows.calendar import next_boundary
from sandbox.stripe.flows.invoices import (
    invoice_collect,
    invoice_draft,
    invoice_finalize,
)
from sandbox.stripe.objects import listing
from sandbox.stripe.shapes import invoices as invoice_shapes
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
    items: list[tuple[Json, int]]
    method: Json | None = None
    trial_end: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    pay_now: bool = True


def subscription_start(world: World, wanted: NewSubscription) -> Json:
    """Create a subscription with its first invoice and try to get that paid."""
    now, trial = world.now(), wanted.trial_end
    subscription = shapes.subscription(
        now,
        customer=wanted.customer["id"],
        currency=wanted.items[0][0]["currency"],
        default_payment_method=wanted.method["id"] if wanted.method else None,
        description=wanted.description,
        metadata=wanted.metadata,
        billing_cycle_anchor=trial or now,
        trial_end=trial,
        trial_start=now if trial else None,
        status="trialing" if trial else "incomplete",
    )
    subscription["items"]["data"] = [
        _new_item(world, subscription, price, quantity) for price, quantity in wanted.items
    ]
    lines = period_lines(subscription, free=trial is not None)
    invoice = invoice_draft(world, subscription, lines, "subscription_create")
    world.create(subscription, "customer.subscription.created")
    world.update(wanted.customer, "customer.updated", currency=subscription["currency"])
    invoice_finalize(world, invoice)
    if wanted.pay_now or trial:
        invoice_collect(world, invoice)
    return subscription


def _new_item(world: World, subscription: Json, price: Json, quantity: int) -> Json:
    now = world.now()
    end = subscription["trial_end"] or next_boundary(now, price["recurring"], now)
    return shapes.subscription_item(
        now,
        subscription=subscription["id"],
        price=copy.deepcopy(price),
        quantity=quantity,
        start=now,
        end=end,
    )


def period_lines(subscription: Json, *, free: bool = False) -> list[Json]:
    """Return the invoice lines of the current period."""
    return [
        invoice_shapes.line(
            item,
            amount=0 if free else item["price"]["unit_amount"] * item["quantity"],
            description=_line_description(item, free),
            start=item["current_period_start"],
            end=item["current_period_end"],
        )
        for item in subscription["items"]["data"]
    ]


def _line_description(item: Json, free: bool) -> str:
    if free:
        return "Trial period"
    amount, price = item["price"]["unit_amount"] / 100, item["price"]
    return f"{item['quantity']} x (at ${amount:.2f} / {price['recurring']['interval']})"


def period_end(subscription: Json) -> int:
    """Return when the current period ends (of the item that ends first)."""
    return int(min(item["current_period_end"] for item in subscription["items"]["data"]))


def subscription_renew(world: World, subscription: Json) -> None:
    """Begin the next period and invoice it; a trial that ends becomes active first."""
    changes: Json = {"items": _advanced_items(subscription)}
    if subscription["status"] == "trialing":
        changes["status"] = "active"
    lines = world.hidden(subscription["id"]).pop("pending_lines", [])
    before = copy.deepcopy(
        {key: subscription[key] for key in ("items", "status", "latest_invoice")}
    )
    subscription.update(changes)
    invoice = invoice_draft(world, subscription, lines + period_lines(subscription), CYCLE)
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


def _advanced_items(subscription: Json) -> Json:
    items = copy.deepcopy(subscription["items"])
    for item in items["data"]:
        start = item["current_period_end"]
        item["current_period_start"] = start
        item["current_period_end"] = next_boundary(
            subscription["billing_cycle_anchor"], item["price"]["recurring"], start
        )
    return dict(items)


def draft_advance(world: World, invoice: Json) -> None:
    """Finalize a draft whose hour has come and collect it."""
    invoice_finalize(world, invoice)
    invoice_collect(world, invoice)


def subscription_cancel(world: World, subscription: Json) -> Json:
    """Cancel at once because somebody asked for it."""
    return dunning.subscription_end(world, subscription, reason="cancellation_requested")


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


def items_reprice(world: World, subscription: Json, wanted: list[Json], behavior: str) -> Json:
    """Return the items after a change of price or quantity, and book the prorations."""
    items = copy.deepcopy(subscription["items"])
    prorations: list[Json] = []
    for change in wanted:
        item = item_named(items["data"], change["id"])
        if behavior != "none" and subscription["status"] != "trialing":
            prorations += _prorations(world, item, change)
        price = change["price"]
        fresh = shapes.subscription_item(
            item["created"],
            subscription=subscription["id"],
            price=copy.deepcopy(price),
            quantity=change["quantity"],
            start=item["current_period_start"],
            end=item["current_period_end"],
        )
        item.update({**fresh, "id": item["id"]})
    if prorations:
        world.hidden(subscription["id"]).setdefault("pending_lines", []).extend(prorations)
    return dict(listing(items["data"], items["url"]))


def item_named(items: list[Json], item_id: str) -> Json:
    """Return the item with this id."""
    for item in items:
        if item["id"] == item_id:
            return item
    raise invalid(f"No such subscription item: '{item_id}'", "items", "resource_missing")


def _prorations(world: World, item: Json, change: Json) -> list[Json]:
    start, end = item["current_period_start"], item["current_period_end"]
    rest = max(end - world.now(), 0) / max(end - start, 1)
    new = {**item, "price": change["price"], "quantity": change["quantity"]}

    def line(sold: Json, sign: int, text: str) -> Json:
        amount = sign * round(sold["price"]["unit_amount"] * sold["quantity"] * rest)
        return invoice_shapes.line(
            sold,
            amount=amount,
            description=text,
            start=world.now(),
            end=end,
            proration=True,
        )

    return [line(item, -1, "Unused time"), line(new, 1, "Remaining time")]


def pending_invoice(world: World, subscription: Json) -> None:
    """Invoice the booked prorations at once."""
    lines = world.hidden(subscription["id"]).pop("pending_lines", [])
    if lines:
        draft_advance(world, invoice_draft(world, subscription, lines, "subscription_update"))
