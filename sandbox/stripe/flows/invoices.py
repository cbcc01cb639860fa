"""The life of an invoice: draft, open, paid or not."""

from __future__ import annotations

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows import discounts, dunning, payments, taxes
from sandbox.stripe.flows.cards import default_method
from sandbox.stripe.flows.totals import Terms, settle
from sandbox.stripe.shapes import invoices as shapes
from sandbox.stripe.world import World
from sandbox.types import Json


def invoice_drawn(
    world: World, subscription: Json, lines: list[Json], reason: str, at: int | None = None
) -> Json:
    """Return the invoice that a subscription would get at a moment; nothing is kept."""
    customer = world.objects.get("customer", subscription["customer"])
    fields: Json = {
        "discounts": list(subscription["discounts"]),
        "customer_tax_ids": taxes.tax_ids_of(world, customer["id"]),
    }
    if subscription["automatic_tax"]["enabled"]:
        located = taxes.country_of(customer) is not None
        fields["automatic_tax"] = shapes.automatic_tax(located=located)
    return shapes.invoice(
        world.now(),
        customer=customer,
        subscription=subscription,
        lines=lines,
        reason=reason,
        sums=settle(lines, _terms(world, subscription, customer, at or world.now())),
        **fields,
    )


def _terms(world: World, subscription: Json, customer: Json, at: int) -> Terms:
    tax = None
    if subscription["automatic_tax"]["enabled"]:
        country = taxes.country_of(customer)
        tax = taxes.tax_on(world, country, customer["tax_exempt"] or "none")
    return Terms(discounts.reductions(world, subscription, at), tax)


def invoice_draft(world: World, subscription: Json, lines: list[Json], reason: str) -> Json:
    """Create the invoice of a subscription; it is the subscription's latest from now on."""
    invoice = invoice_drawn(world, subscription, lines, reason)
    world.create(invoice, "invoice.created")
    subscription["latest_invoice"] = invoice["id"]
    discounts.discounts_spend(world, subscription, invoice)
    return invoice


def invoice_finalize(world: World, invoice: Json) -> Json:
    """Number a draft, settle the customer's balance, and make it payable."""
    customer = world.objects.get("customer", invoice["customer"])
    sequence, now = customer["next_invoice_sequence"], world.now()
    world.update(customer, next_invoice_sequence=sequence + 1)
    _apply_balance(world, invoice, customer)
    page = f"{world.config.public_url}/i/{invoice['id']}"
    if invoice["amount_due"]:
        _make_payable(world, invoice)
    return world.update(
        invoice,
        "invoice.finalized",
        status="open",
        number=f"{customer['invoice_prefix']}-{sequence:04}",
        automatically_finalizes_at=None,
        effective_at=now,
        hosted_invoice_url=page,
        invoice_pdf=f"{page}/pdf",
        status_transitions={**invoice["status_transitions"], "finalized_at": now},
    )


def _apply_balance(world: World, invoice: Json, customer: Json) -> None:
    owed = invoice["total"] + customer["balance"]
    due = max(owed, 0)
    world.update(
        invoice,
        starting_balance=customer["balance"],
        ending_balance=min(owed, 0),
        amount_due=due,
        amount_remaining=due,
    )
    world.update(customer, "customer.updated", balance=min(owed, 0))


def _make_payable(world: World, invoice: Json) -> None:
    intent = payments.intent_new(
        world,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description="Subscription creation"
        if invoice["billing_reason"] == "subscription_create"
        else "Subscription update",
    )
    world.create(shapes.invoice_payment(world.now(), invoice=invoice, payment_intent=intent["id"]))


def payment_of(world: World, invoice: Json) -> Json | None:
    """Return the link between an invoice and its payment intent."""
    links = world.objects.of("invoice_payment")
    return next((row for row in links if _pays(row, invoice)), None)


def _pays(link: Json, invoice: Json) -> bool:
    return bool(link["invoice"] == invoice["id"] and link["status"] != "canceled")


def intent_of(world: World, invoice: Json) -> Json | None:
    """Return the payment intent of an invoice, if anything is to be paid."""
    link = payment_of(world, invoice)
    return world.objects.find(link["payment"]["payment_intent"]) if link else None


def invoice_collect(world: World, invoice: Json, method: Json | None = None) -> bool:
    """Try to get an open invoice paid; tell whether it is."""
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] != "open":
        raise invalid(f"This invoice is {invoice['status']} and cannot be paid.")
    intent = intent_of(world, invoice)
    if intent is None:
        _mark_paid(world, invoice)
        return True
    subscription = dunning.subscription_of(world, invoice)
    customer = world.objects.get("customer", invoice["customer"])
    method = method or default_method(world, subscription, customer)
    paid = payments.intent_confirm(world, intent, method)
    if paid:
        _mark_paid(world, invoice)
    else:
        _mark_failed(world, invoice)
    return paid


def _mark_paid(world: World, invoice: Json) -> None:
    link, now = payment_of(world, invoice), world.now()
    world.update(
        invoice,
        status="paid",
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempted=True,
        attempt_count=invoice["attempt_count"] + (1 if link else 0),
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], "paid_at": now},
    )
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    if link:
        transitions = {**link["status_transitions"], "paid_at": now}
        world.update(
            link,
            "invoice_payment.paid",
            status="paid",
            amount_paid=invoice["amount_due"],
            status_transitions=transitions,
        )
    dunning.settle_paid(world, invoice)


def invoice_lower(world: World, invoice: Json, amount: int) -> None:
    """Take what a credit note forgives from an open invoice; with nothing left it is paid."""
    due = invoice["amount_due"] - amount
    forgiven = invoice["pre_payment_credit_notes_amount"] + amount
    changes = {"amount_due": due, "amount_remaining": due}
    world.update(invoice, "invoice.updated", pre_payment_credit_notes_amount=forgiven, **changes)
    link, intent = payment_of(world, invoice), intent_of(world, invoice)
    if link and intent and due:
        world.update(intent, amount=due)
        world.update(link, amount_requested=due)
    elif link and intent:
        world.update(intent, "payment_intent.canceled", status="canceled", canceled_at=world.now())
        world.update(link, status="canceled")
        _mark_paid(world, invoice)


def _mark_failed(world: World, invoice: Json) -> None:
    attempts = invoice["attempt_count"] + 1
    world.update(
        invoice,
        attempted=True,
        attempt_count=attempts,
        next_payment_attempt=_next_attempt(world, invoice, attempts),
    )
    world.emit("invoice.payment_failed", invoice)
    dunning.settle_failed(world, invoice)


def _next_attempt(world: World, invoice: Json, attempts: int) -> int | None:
    """Return when to try again; a first invoice is never tried again by itself."""
    delays = world.settings.retry_after_seconds
    if invoice["billing_reason"] == "subscription_create" or attempts > len(delays):
        return None
    return world.now() + delays[attempts - 1]


def invoice_void(world: World, invoice: Json) -> Json:
    """Declare an open invoice void."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"You can only void open invoices; this one is {invoice['status']}.")
    transitions = {**invoice["status_transitions"], "voided_at": world.now()}
    return world.update(
        invoice,
        "invoice.voided",
        status="void",
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions=transitions,
    )
