"""Money moves: payment intents are confirmed, charges refunded."""

from __future__ import annotations

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows.cards import MESSAGES, decline_of
from sandbox.stripe.shapes import payments as shapes
from sandbox.stripe.world import World
from sandbox.types import Json


def intent_new(
    world: World, *, amount: int, currency: str, customer: str | None, description: str
) -> Json:
    """Create a payment intent."""
    intent = shapes.payment_intent(
        world.now(),
        amount=amount,
        currency=currency,
        customer=customer,
        description=description,
    )
    return world.create(intent, "payment_intent.created")


def intent_confirm(world: World, intent: Json, method: Json | None) -> bool:
    """Try to charge; tell whether the money came."""
    declined = decline_of(world, method)
    if method is None:
        error = {
            "code": "payment_intent_payment_attempt_failed",
            "message": "No payment method.",
        }
        _intent_failed(world, intent, {**error, "type": "invalid_request_error"})
        return False
    if declined:
        charge = _charge_failed(world, intent, method, declined)
        _intent_failed(world, intent, _card_error(charge, method, declined))
        return False
    charge = _charge_succeeded(world, intent, method)
    world.update(
        intent,
        "payment_intent.succeeded",
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        last_payment_error=None,
        payment_method=method["id"],
    )
    return True


def _charge_succeeded(world: World, intent: Json, method: Json) -> Json:
    charge = shapes.charge(
        world.now(), intent=intent, method=method, base_url=world.config.public_url
    )
    charge["balance_transaction"] = _movement(
        world, "charge", charge["id"], charge["amount"], charge["currency"]
    )
    return world.create(charge, "charge.succeeded")


def _charge_failed(world: World, intent: Json, method: Json, code: str) -> Json:
    outcome = shapes.outcome("issuer_declined", "declined_by_network", MESSAGES[code], code)
    charge = shapes.charge(
        world.now(),
        intent=intent,
        method=method,
        base_url=world.config.public_url,
        amount_captured=0,
        captured=False,
        failure_code="card_declined",
        failure_message=MESSAGES[code],
        outcome=outcome,
        paid=False,
        receipt_url=None,
        status="failed",
    )
    return world.create(charge, "charge.failed")


def _card_error(charge: Json, method: Json, code: str) -> Json:
    return {
        "charge": charge["id"],
        "code": "card_declined",
        "decline_code": code,
        "message": MESSAGES[code],
        "payment_method": method,
        "type": "card_error",
    }


def _intent_failed(world: World, intent: Json, error: Json) -> None:
    world.update(
        intent,
        "payment_intent.payment_failed",
        status="requires_payment_method",
        last_payment_error=error,
        latest_charge=error.get("charge"),
        payment_method=None,
    )


def _movement(world: World, kind: str, source: str, amount: int, currency: str) -> str:
    movement = movement_new(
        world, kind=kind, category=kind, source=source, amount=amount, currency=currency
    )
    return str(movement["id"])


def movement_new(
    world: World, *, kind: str, category: str, source: str, amount: int, currency: str, fee: int = 0
) -> Json:
    """Book a movement of the account's balance."""
    movement = shapes.balance_transaction(
        world.now(), kind=kind, source=source, amount=amount, currency=currency
    )
    if fee:
        details = {"amount": fee, "application": None, "currency": currency}
        movement["fee_details"] = [{**details, "description": "Dispute fee", "type": "stripe_fee"}]
    movement.update(reporting_category=category, fee=fee, net=amount - fee)
    return world.create(movement)


def refund_new(
    world: World, charge: Json, amount: int | None, reason: str | None, metadata: Json
) -> Json:
    """Give back all or a part of what a charge took."""
    rest = charge["amount"] - charge["amount_refunded"]
    if charge["disputed"]:
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed")
    if charge["status"] != "succeeded" or rest == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise invalid(message, code="charge_already_refunded")
    amount = rest if amount is None else amount
    if not 0 < amount <= rest:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest})"
        raise invalid(message, "amount")
    refund = shapes.refund(
        world.now(), charge=charge, amount=amount, reason=reason, metadata=metadata
    )
    refund["balance_transaction"] = _movement(
        world, "refund", refund["id"], -amount, charge["currency"]
    )
    refunded = charge["amount_refunded"] + amount
    world.update(
        charge,
        "charge.refunded",
        amount_refunded=refunded,
        refunded=refunded == charge["amount"],
    )
    world.emit("refund.created", world.objects.add(refund))
    world.emit("refund.updated", refund)
    world.emit("charge.refund.updated", refund)
    return refund
