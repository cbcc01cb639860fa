"""The life of a dispute: the bank takes the money, and gives it back if the seller wins."""

from __future__ import annotations

from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.flows.payments import movement_new
from sandbox.stripe.shapes import disputes as shapes
from sandbox.stripe.world import World
from sandbox.types import Json

FEE = 1500
OVER = ("won", "lost")
REASONS = (
    "bank_cannot_process", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
)  # fmt: skip


def charge_latest(world: World, customer: str) -> Json:
    """Return the newest charge of a customer that was paid and can be disputed."""
    for charge in reversed(world.objects.of("charge")):
        if charge["customer"] == customer and charge["paid"] and not charge["disputed"]:
            return charge
    raise invalid(f"The customer {customer} has no paid charge.", "customer")


def dispute_open(world: World, charge: Json, reason: str) -> Json:
    """Let the cardholder dispute a charge: the bank takes the money at once."""
    if charge["disputed"] or not charge["paid"]:
        raise invalid(f"The charge {charge['id']} cannot be disputed.", "charge")
    if reason not in REASONS:
        raise invalid(f"Invalid reason: must be one of {', '.join(REASONS)}", "reason")
    dispute = world.objects.add(shapes.dispute(world.now(), charge=charge, reason=reason))
    world.update(charge, "charge.updated", disputed=True)
    world.emit("charge.dispute.created", dispute)
    _move(world, dispute, -1, "charge.dispute.funds_withdrawn")
    return dispute


def dispute_close(world: World, dispute: Json, status: str) -> Json:
    """Let the bank decide; the seller gets the money back with `won`."""
    if dispute["status"] in OVER:
        raise StripeError(400, "This dispute is already closed.", code="dispute_already_closed")
    if status not in OVER:
        raise invalid(f"Invalid status: must be one of {', '.join(OVER)}", "status")
    world.update(dispute, "charge.dispute.closed", status=status)
    if status == "won":
        _move(world, dispute, 1, "charge.dispute.funds_reinstated")
    return dispute


def _move(world: World, dispute: Json, sign: int, event: str) -> None:
    movement = movement_new(
        world,
        kind="adjustment",
        category="dispute" if sign < 0 else "dispute_reversal",
        source=dispute["id"],
        amount=sign * dispute["amount"],
        currency=dispute["currency"],
        fee=FEE if sign < 0 else 0,
    )
    movements = [*dispute["balance_transactions"], movement]
    world.update(dispute, event, balance_transactions=movements)
