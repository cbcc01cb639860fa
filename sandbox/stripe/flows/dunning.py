"""What a paid or unpaid invoice does to its subscription."""

from __future__ import annotations

from sandbox.stripe.world import World
from sandbox.types import Json


def subscription_of(world: World, invoice: Json) -> Json:
    """Return the subscription that an invoice is for."""
    details = invoice["parent"]["subscription_details"]
    return world.objects.get("subscription", details["subscription"])


def settle_paid(world: World, invoice: Json) -> None:
    """The money came: whatever waited for it goes on."""
    subscription = subscription_of(world, invoice)
    _delinquency(world, subscription, False)
    if subscription["status"] in ("incomplete", "past_due", "unpaid"):
        world.update(subscription, "customer.subscription.updated", status="active")


def settle_failed(world: World, invoice: Json) -> None:
    """The money did not come: the subscription falls behind, and in the end something gives."""
    subscription = subscription_of(world, invoice)
    if subscription["status"] not in ("active", "past_due", "trialing"):
        return
    _delinquency(world, subscription, True)
    world.update(subscription, "customer.subscription.updated", status="past_due")
    if invoice["next_payment_attempt"] is not None:
        return
    if world.settings.unpaid_end == "canceled":
        subscription_end(world, subscription, reason="payment_failed")
    elif world.settings.unpaid_end == "unpaid":
        world.update(subscription, "customer.subscription.updated", status="unpaid")


def subscription_end(world: World, subscription: Json, *, reason: str) -> Json:
    """Cancel a subscription at once; its open invoices are no longer collected."""
    now = world.now()
    for invoice in world.objects.of("invoice"):
        if invoice["status"] in ("draft", "open") and _is_for(invoice, subscription):
            world.update(invoice, auto_advance=False, next_payment_attempt=None)
    return world.update(
        subscription,
        "customer.subscription.deleted",
        status="canceled",
        ended_at=now,
        canceled_at=subscription["canceled_at"] or now,
        cancellation_details={**subscription["cancellation_details"], "reason": reason},
    )


def _is_for(invoice: Json, subscription: Json) -> bool:
    details = invoice["parent"]["subscription_details"]
    return bool(details["subscription"] == subscription["id"])


def _delinquency(world: World, subscription: Json, delinquent: bool) -> None:
    customer = world.objects.get("customer", subscription["customer"])
    if not customer.get("deleted"):
        world.update(customer, "customer.updated", delinquent=delinquent)
