"""Credit notes: an open invoice becomes smaller, a paid one gives money back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.stripe.errors import invalid
from sandbox.stripe.flows import invoices, payments
from sandbox.stripe.flows.amounts import share
from sandbox.stripe.shapes import credit_notes as shapes
from sandbox.stripe.world import World
from sandbox.templating import money
from sandbox.types import Json


@dataclass(frozen=True)
class Compensation:
    """How the amount of a paid invoice is given back."""

    refund: int = 0
    balance: int = 0
    elsewhere: int = 0
    refunds: list[Json] = field(default_factory=list)
    """Refunds that were made before."""

    @property
    def total(self) -> int:
        """Return the sum of all ways."""
        linked: int = sum(refund["amount"] for refund in self.refunds)
        return self.refund + self.balance + self.elsewhere + linked


def line_of_invoice(line: Json, amount: int) -> Json:
    """Return a line that credits a part of an invoice's line, with its discount and tax."""
    part = amount / line["amount"] if line["amount"] else 0
    return shapes.line(
        amount=amount,
        description=line["description"],
        quantity=line["quantity"],
        source=line,
        discount_amount=sum(share(row["amount"], part) for row in line["discount_amounts"]),
        taxes=taxes_part(line["taxes"], part),
    )


def taxes_part(taxes: list[Json], part: float) -> list[Json]:
    """Return a part of taxes."""
    return [
        {**tax, **{name: share(tax[name], part) for name in ("amount", "taxable_amount")}}
        for tax in taxes
    ]


def line_of_amount(invoice: Json, amount: int) -> Json:
    """Return a line that credits a share of the whole invoice, the tax in it included."""
    taxes = taxes_part(invoice["total_taxes"], amount / invoice["total"])
    added = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    return shapes.line(
        amount=amount - added,
        description=f"Credit for invoice {invoice['number']}",
        quantity=1,
        source=None,
        taxes=taxes,
    )


def credit_note_new(
    world: World, invoice: Json, lines: list[Json], ways: Compensation, **more: Any
) -> Json:
    """Issue a credit note, and do what it says."""
    if invoice["status"] not in ("open", "paid"):
        raise invalid(f"You cannot issue credit notes for {invoice['status']} invoices.", "invoice")
    note = shapes.credit_note(
        world.now(), invoice=invoice, lines=lines, base_url=world.config.public_url, **more
    )
    earlier = _issued(world, invoice)
    _require_creditable(invoice, note, sum(row["total"] for row in earlier))
    note["number"] = f"{invoice['number']}-CN-{len(earlier) + 1:02}"
    if invoice["status"] == "paid":
        _give_back(world, invoice, note, ways)
    else:
        note.update(type="pre_payment", pre_payment_amount=note["total"])
        invoices.invoice_lower(world, invoice, note["total"])
    return world.create(note, "credit_note.created")


def _issued(world: World, invoice: Json) -> list[Json]:
    notes = world.objects.of("credit_note")
    return [row for row in notes if row["invoice"] == invoice["id"] and row["status"] == "issued"]


def _require_creditable(invoice: Json, note: Json, credited: int) -> None:
    most = invoice["amount_due"] if invoice["status"] == "open" else invoice["total"] - credited
    if not 0 < note["total"] <= most:
        message = (
            f"The amount of the credit note ({money(note['total'], invoice['currency'])}) must be "
            f"more than 0 and at most the creditable rest ({money(most, invoice['currency'])})."
        )
        raise invalid(message, "amount")


def _give_back(world: World, invoice: Json, note: Json, ways: Compensation) -> None:
    if ways.total != note["total"]:
        message = (
            "The sum of credit amount, refund amount and out of band amount "
            f"({money(ways.total, invoice['currency'])}) must equal the post payment credit note "
            f"amount ({money(note['total'], invoice['currency'])})."
        )
        raise invalid(message)
    refunds = [*ways.refunds]
    if ways.refund:
        refunds.append(_refund(world, invoice, ways.refund))
    if ways.balance:
        customer = world.objects.alive("customer", invoice["customer"], "customer")
        balance = customer["balance"] - ways.balance
        world.update(customer, "customer.updated", balance=balance)
    note.update(
        post_payment_amount=note["total"],
        out_of_band_amount=ways.elsewhere or None,
        refunds=[shapes.refunded(refund) for refund in refunds],
    )
    credited = invoice["post_payment_credit_notes_amount"] + note["total"]
    world.update(invoice, "invoice.updated", post_payment_credit_notes_amount=credited)


def _refund(world: World, invoice: Json, amount: int) -> Json:
    intent = invoices.intent_of(world, invoice)
    if intent is None:
        raise invalid("Nothing was paid for this invoice that could be refunded.", "refund_amount")
    charge = world.objects.get("charge", intent["latest_charge"])
    return payments.refund_new(world, charge, amount, None, {})
