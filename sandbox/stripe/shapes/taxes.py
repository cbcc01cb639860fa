"""Tax rates, customers' tax numbers, and the tax on an amount."""

from __future__ import annotations

from sandbox.stripe.objects import new_id
from sandbox.types import Json


def tax_rate(now: int, *, rate_id: str, country: str, percentage: float, inclusive: bool) -> Json:
    """Return the rate that automatic tax found for a country."""
    return {
        "id": rate_id,
        "object": "tax_rate",
        "active": False,
        "country": country,
        "created": now,
        "description": None,
        "display_name": "Tax",
        "effective_percentage": percentage,
        "flat_amount": None,
        "inclusive": inclusive,
        "jurisdiction": country,
        "jurisdiction_level": "country",
        "livemode": False,
        "metadata": {},
        "percentage": percentage,
        "rate_type": "percentage",
        "state": None,
        "tax_type": "vat",
    }


def tax(rate: Json, *, amount: int, taxable: int, reason: str) -> Json:
    """Return the tax on an amount, as lines and invoices show it."""
    return {
        "amount": amount,
        "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": reason,
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


def tax_id(now: int, *, customer: str, kind: str, value: str) -> Json:
    """Return a customer's tax number; nobody verifies it here."""
    return {
        "id": new_id("txi"),
        "object": "tax_id",
        "country": value[:2] if kind == "eu_vat" else None,
        "created": now,
        "customer": customer,
        "customer_account": None,
        "livemode": False,
        "owner": {"customer": customer, "customer_account": None, "type": "customer"},
        "type": kind,
        "value": value,
        "verification": {
            "status": "unavailable",
            "verified_address": None,
            "verified_name": None,
        },
    }
