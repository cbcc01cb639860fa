"""Credit notes: an invoice is lowered, or money given back, on paper."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.objects import listing, new_id
from sandbox.types import Json


def credit_note(now: int, *, invoice: Json, lines: list[Json], base_url: str, **more: Any) -> Json:
    """Return an issued credit note about these lines."""
    note_id = new_id("cn")
    subtotal = sum(line["amount"] for line in lines)
    discount = sum(line["discount_amount"] for line in lines)
    taxes = [tax for line in lines for tax in line["taxes"]]
    added = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    total = subtotal - discount + added
    return {
        "id": note_id,
        "object": "credit_note",
        "amount": total,
        "amount_shipping": 0,
        "created": now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "customer_account": None,
        "customer_balance_transaction": None,
        "discount_amount": discount,
        "discount_amounts": [],
        "effective_at": now,
        "invoice": invoice["id"],
        "lines": listing(lines, f"/v1/credit_notes/{note_id}/lines"),
        "livemode": False,
        "memo": None,
        "metadata": {},
        "number": None,
        "out_of_band_amount": None,
        "pdf": f"{base_url}/credit_notes/{note_id}/pdf",
        "post_payment_amount": 0,
        "pre_payment_amount": 0,
        "pretax_credit_amounts": [],
        "reason": None,
        "refunds": [],
        "shipping_cost": None,
        "status": "issued",
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - sum(tax["amount"] for tax in taxes) + added,
        "total": total,
        "total_excluding_tax": total - sum(tax["amount"] for tax in taxes),
        "total_taxes": taxes,
        "type": "post_payment",
        "voided_at": None,
        **more,
    }


def line(
    *, amount: int, description: str, quantity: int | None, source: Json | None, **more: Any
) -> Json:
    """Return the line of a credit note, about a line of the invoice or of its own."""
    return {
        "id": new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": description,
        "discount_amount": 0,
        "discount_amounts": [],
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": quantity,
        "tax_rates": [],
        "taxes": [],
        "unit_amount": None,
        "unit_amount_decimal": None,
        **({"invoice_line_item": source["id"]} if source else {}),
        "type": "invoice_line_item" if source else "custom_line_item",
        **more,
    }


def refunded(refund: Json) -> Json:
    """Return how a credit note names a refund."""
    return {
        "amount_refunded": refund["amount"],
        "payment_record_refund": None,
        "refund": refund["id"],
        "type": "refund",
    }
