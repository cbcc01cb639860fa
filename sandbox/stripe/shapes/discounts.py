"""Coupons, the codes that people type for them, and the discounts that they become."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.objects import new_id
from sandbox.types import Json


def coupon(now: int, coupon_id: str | None, **fields: Any) -> Json:
    """Return a coupon; `fields` say what it takes off and for how long."""
    return {
        "id": coupon_id or new_id("", 8)[1:],
        "object": "coupon",
        "amount_off": None,
        "created": now,
        "currency": None,
        "duration": "once",
        "duration_in_months": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": None,
        "percent_off": None,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
        **fields,
    }


def promotion_code(now: int, *, coupon: str, code: str, **fields: Any) -> Json:
    """Return a code that gives the coupon to whoever types it."""
    return {
        "id": new_id("promo"),
        "object": "promotion_code",
        "active": True,
        "code": code,
        "created": now,
        "customer": None,
        "customer_account": None,
        "expires_at": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "promotion": {"coupon": coupon, "type": "coupon"},
        "restrictions": {
            "first_time_transaction": False,
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        "times_redeemed": 0,
        **fields,
    }


def discount(now: int, *, coupon: str, subscription: Json, **fields: Any) -> Json:
    """Return a coupon as it counts for one subscription."""
    return {
        "id": new_id("di"),
        "object": "discount",
        "checkout_session": None,
        "customer": subscription["customer"],
        "customer_account": None,
        "end": None,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon, "type": "coupon"},
        "start": now,
        "subscription": subscription["id"],
        "subscription_item": None,
        **fields,
    }
