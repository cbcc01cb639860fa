"""Stripe's test cards, as far as the sandbox knows them, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.stripe.errors import StripeError, card_declined, invalid, missing
from sandbox.stripe.shapes import customers as shapes
from sandbox.stripe.world import World
from sandbox.types import Json

MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
}


@dataclass(frozen=True)
class Card:
    """How a test card behaves: None means that it works."""

    brand: str = "visa"
    attach_decline: str | None = None
    charge_decline: str | None = None


def _declined(code: str) -> Card:
    return Card(attach_decline=code, charge_decline=code)


CARDS = {
    "4242424242424242": Card(),
    "5555555555554444": Card(brand="mastercard"),
    "4000000000000002": _declined("generic_decline"),
    "4000000000009995": _declined("insufficient_funds"),
    "4000000000000069": _declined("expired_card"),
    "4000000000000341": Card(charge_decline="generic_decline"),
}

TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeCustomerFail": "4000000000000341",
}


def card_named(number: str) -> Card:
    """Return a test card by its number, spaces allowed."""
    card = CARDS.get(number.replace(" ", ""))
    if card is None:
        message = "Your card number is incorrect. Use one of the test cards."
        raise StripeError(402, message, kind="card_error", code="incorrect_number", param="number")
    return card


def method_new(world: World, number: str, email: str | None = None) -> Json:
    """Create a payment method for a card number."""
    number = number.replace(" ", "")
    card = card_named(number)
    year = datetime.fromtimestamp(world.now(), UTC).year + 4
    method = shapes.payment_method(
        world.now(), last4=number[-4:], brand=card.brand, year=year, email=email
    )
    world.hidden(method["id"])["number"] = number
    return world.create(method)


def method_find(world: World, method_id: str, param: str = "payment_method") -> Json:
    """Return a payment method; a test token such as `pm_card_visa` makes a new one."""
    if method_id in TOKENS:
        return method_new(world, TOKENS[method_id])
    return world.objects.get("payment_method", method_id, param)


def decline_of(world: World, method: Json | None) -> str | None:
    """Return why a charge to this payment method would fail, or None."""
    if method is None:
        return "generic_decline"
    return CARDS[world.hidden(method["id"])["number"]].charge_decline


def decline_error(code: str, **more: Any) -> StripeError:
    """Return the answer to a payment that the bank refused."""
    return card_declined(code, MESSAGES[code], **more)


def method_attach(world: World, method: Json, customer: Json) -> Json:
    """Give a payment method to a customer; some cards are refused right here."""
    if method["customer"] == customer["id"]:
        return method
    if method["customer"]:
        raise invalid("The payment method is already attached to another customer.")
    refused = CARDS[world.hidden(method["id"])["number"]].attach_decline
    if refused:
        raise decline_error(refused)
    return world.update(method, "payment_method.attached", customer=customer["id"])


def default_method(world: World, subscription: Json, customer: Json) -> Json | None:
    """Return the payment method that pays a subscription's invoices."""
    for method_id in (
        subscription["default_payment_method"],
        customer["invoice_settings"]["default_payment_method"],
    ):
        if method_id:
            return world.objects.get("payment_method", method_id)
    return None


def method_detach(world: World, method: Json) -> Json:
    """Take a payment method from its customer."""
    if not method["customer"]:
        raise missing("payment_method", method["id"], "payment_method", 400)
    customer = world.objects.get("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        settings = {**customer["invoice_settings"], "default_payment_method": None}
        world.update(customer, "customer.updated", invoice_settings=settings)
    return world.update(method, "payment_method.detached", customer=None)


def card_change(world: World, customer: Json, number: str) -> Json:
    """Let the customer pay everything with another card from now on."""
    method = method_attach(world, method_new(world, number, customer["email"]), customer)
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    world.update(customer, "customer.updated", invoice_settings=settings)
    for subscription in world.objects.of("subscription"):
        running = subscription["status"] not in ("canceled", "incomplete_expired")
        if subscription["customer"] == customer["id"] and running:
            changed = {"default_payment_method": method["id"]}
            world.update(subscription, "customer.subscription.updated", **changed)
    return method
