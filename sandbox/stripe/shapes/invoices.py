"""Invoices, their lines and their payments."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.stripe.objects import listing, new_id
from sandbox.types import Json


def invoice(
    now: int,
    *,
    customer: Json,
    subscription: Json,
    lines: list[Json],
    reason: str,
    sums: Json,
    **fields: Any,
) -> Json:
    """Return a draft invoice for a subscription, with the sums that its lines come to."""
    invoice_id = new_id("in")
    for line in lines:
        line["invoice"] = invoice_id
    return {
        "id": invoice_id,
        "object": "invoice",
        **_no_amounts(),
        **sums,
        **_customer_fields(customer),
        **_empty_fields(),
        "billing_reason": reason,
        "created": now,
        "currency": subscription["currency"],
        "lines": listing(lines, f"/v1/invoices/{invoice_id}/lines"),
        "parent": {
            "quote_details": None,
            "subscription_details": {
                "metadata": dict(subscription["metadata"]),
                "subscription": subscription["id"],
            },
            "type": "subscription_details",
        },
        "period_end": now,
        "period_start": now,
        "status": "draft",
        "webhooks_delivered_at": now,
        **fields,
    }


def _no_amounts() -> Json:
    return {
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_shipping": 0,
        "ending_balance": None,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "total_pretax_credit_amounts": [],
    }


def _customer_fields(customer: Json) -> Json:
    return {
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": None,
        "customer_tax_exempt": customer["tax_exempt"] or "none",
        "customer_tax_ids": [],
    }


def _empty_fields() -> Json:
    return {
        "account_country": "US",
        "account_name": "Sandbox",
        "account_tax_ids": None,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": None,
        "collection_method": "charge_automatically",
        "custom_fields": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "statement_descriptor": None,
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "test_clock": None,
    }


def automatic_tax(*, located: bool) -> Json:
    """Return how an invoice with automatic tax says so."""
    return {
        "disabled_reason": None,
        "enabled": True,
        "liability": {"type": "self"},
        "provider": "stripe",
        "status": "complete" if located else "requires_location_inputs",
    }


def line(
    item: Json,
    *,
    amount: int,
    description: str,
    start: int,
    end: int,
    proration: bool = False,
    used: Decimal | None = None,
) -> Json:
    """Return the line of an invoice that a subscription item causes; `used` is what it counted."""
    quantity = item["quantity"] if used is None else used
    return {
        "id": new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": item["price"]["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": proration,
                "proration_details": {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"end": end, "start": start},
        "pretax_credit_amounts": [],
        "pricing": _pricing(item["price"]),
        "quantity": int(quantity),
        "quantity_decimal": f"{quantity:f}" if used is not None else str(quantity),
        "subscription": item["subscription"],
        "subtotal": amount,
        "taxes": [],
    }


def _pricing(price: Json) -> Json:
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def invoice_payment(now: int, *, invoice: Json, payment_intent: str, **fields: Any) -> Json:
    """Return the link between an invoice and the payment intent that pays it."""
    return {
        "id": new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": payment_intent, "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
        **fields,
    }
