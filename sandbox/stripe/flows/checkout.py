"""What happens on the hosted checkout page."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.flows import cards, payments, taxes
from sandbox.stripe.flows import session_prices as prices
from sandbox.stripe.flows.subscriptions import NewSubscription, subscription_start
from sandbox.stripe.shapes import checkout as shapes
from sandbox.stripe.shapes import customers as customer_shapes
from sandbox.stripe.shapes.account import NO_ADDRESS
from sandbox.stripe.world import World
from sandbox.types import Json


@dataclass(frozen=True)
class Payer:
    """What a person types into the checkout page."""

    number: str
    email: str | None = None
    name: str | None = None
    country: str | None = None
    business_name: str | None = None
    tax_id: str | None = None
    code: str | None = None


def session_pay(world: World, session: Json, payer: Payer) -> Json:
    """Pay: the customer, subscription and invoice come into being and the session completes."""
    session_require_open(session)
    if payer.code:
        prices.session_code(world, session, payer.code)
    country = prices.session_country(world, session, payer.country)
    prices.session_price(world, session, country)
    trial_end = _trial_end(world, session)
    if session["amount_total"]:
        _refuse_declined_card(world, session, payer)
    customer = _customer(world, session, payer, country)
    method = cards.method_attach(
        world, cards.method_new(world, payer.number, payer.email), customer
    )
    subscription = subscription_start(world, _wanted(world, session, customer, method, trial_end))
    return _complete(world, session, subscription, payer)


def session_require_open(session: Json) -> None:
    """Refuse to go on with a session that is over."""
    if session["status"] != "open":
        message = f"This Checkout Session is {session['status']} and can no longer be used."
        raise invalid(message, code="checkout_session_not_open")


def _trial_end(world: World, session: Json) -> int | None:
    data = world.hidden(session["id"])["subscription_data"]
    if data["trial_period_days"]:
        return int(world.now() + data["trial_period_days"] * 86_400)
    return data["trial_end"] and int(data["trial_end"])


def _refuse_declined_card(world: World, session: Json, payer: Payer) -> None:
    """Leave a failed payment behind and raise when the bank would say no."""
    declined = cards.card_named(payer.number).charge_decline
    if declined is None:
        return
    method = cards.method_new(world, payer.number, payer.email)
    intent = payments.intent_new(
        world,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=session["customer"],
        description="Subscription creation",
    )
    payments.intent_confirm(world, intent, method)
    raise cards.decline_error(declined, payment_intent=intent)


def _customer(world: World, session: Json, payer: Payer, country: str | None) -> Json:
    customer = _known(world, session) or _stranger(world, session, payer)
    allowed = world.hidden(session["id"]).get("customer_update", {})
    if country and (allowed.get("address") == "auto" or not session["customer"]):
        address = {**NO_ADDRESS, **(customer["address"] or {}), "country": country}
        world.update(customer, "customer.updated", address=address)
    if payer.tax_id and session.get("tax_id_collection"):
        world.update(customer, "customer.updated", name=payer.business_name or customer["name"])
        taxes.tax_id_new(world, customer, payer.tax_id)
    return customer


def _known(world: World, session: Json) -> Json | None:
    named = session["customer"]
    return world.objects.alive("customer", named, "customer") if named else None


def _stranger(world: World, session: Json, payer: Payer) -> Json:
    email = session["customer_email"] or payer.email
    customer = customer_shapes.customer(world.now(), email=email, name=payer.name)
    return world.create(customer, "customer.created")


def _wanted(
    world: World, session: Json, customer: Json, method: Json, trial_end: int | None
) -> NewSubscription:
    hidden = world.hidden(session["id"])
    return NewSubscription(
        customer=customer,
        items=[(line["price"], line["quantity"]) for line in hidden["line_items"]],
        method=method,
        trial_end=trial_end,
        metadata=hidden["subscription_data"]["metadata"],
        description=hidden["subscription_data"]["description"],
        offers=prices.session_offers(world, session),
        automatic_tax=session["automatic_tax"]["enabled"],
    )


def _complete(world: World, session: Json, subscription: Json, payer: Payer) -> Json:
    customer = world.objects.get("customer", subscription["customer"])
    details = shapes.customer_details(
        customer["email"] or payer.email,
        payer.name or customer["name"],
        address=customer["address"],
        business_name=payer.business_name,
        tax_exempt=customer["tax_exempt"] or "none",
        tax_ids=taxes.tax_ids_of(world, customer["id"]),
    )
    return world.update(
        session,
        "checkout.session.completed",
        status="complete",
        payment_status="paid" if session["amount_total"] else "no_payment_required",
        customer=customer["id"],
        customer_details=details,
        subscription=subscription["id"],
        invoice=subscription["latest_invoice"],
        url=None,
    )


def session_expire(world: World, session: Json) -> Json:
    """End an open session without a payment."""
    if session["status"] != "open":
        message = (
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session['status']}."
        )
        raise StripeError(400, message, kind="invalid_request_error")
    return world.update(session, "checkout.session.expired", status="expired", url=None)
