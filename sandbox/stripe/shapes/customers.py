"""Customers and the cards that they pay with."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.objects import new_id
from sandbox.stripe.shapes.account import NO_ADDRESS
from sandbox.types import Json


def customer(now: int, **fields: Any) -> Json:
    """Return a customer; `fields` override the empty values."""
    return {
        "id": new_id("cus", 14),
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": new_id("", 8)[1:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
        **fields,
    }


def payment_method(now: int, *, last4: str, brand: str, year: int, email: str | None) -> Json:
    """Return a card that belongs to nobody yet."""
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "always",
        "billing_details": billing_details(email),
        "card": {
            "brand": brand,
            "checks": card_checks(),
            "country": "US",
            "display_brand": brand,
            "exp_month": 12,
            "exp_year": year,
            "fingerprint": f"sandbox{last4}",
            "funding": "credit",
            "generated_from": None,
            "last4": last4,
            "networks": {"available": [brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": now,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def billing_details(email: str | None) -> Json:
    """Return the billing details of a card."""
    return {
        "address": dict(NO_ADDRESS),
        "email": email,
        "name": None,
        "phone": None,
        "tax_id": None,
    }


def card_checks() -> Json:
    """Return what the bank verified about a card."""
    return {
        "address_line1_check": None,
        "address_postal_code_check": None,
        "cvc_check": "pass",
    }
