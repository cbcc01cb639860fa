"""Coupons, promotion codes, and the discounts that calls ask for."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.errors import StripeError, invalid, parameter_missing
from sandbox.stripe.flows import discounts as flow
from sandbox.stripe.objects import page
from sandbox.stripe.params import Params
from sandbox.stripe.shapes import discounts as shapes
from sandbox.types import Json

COUPON = (
    "id", "percent_off", "amount_off", "currency", "duration", "duration_in_months", "name",
    "max_redemptions", "redeem_by", "metadata", "applies_to",
)  # fmt: skip
PROMOTION = (
    "promotion", "code", "active", "customer", "expires_at", "max_redemptions", "restrictions",
    "metadata",
)  # fmt: skip
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # pragma: allowlist secret


def offers_wanted(call: Call, params: Params, buyer: flow.Buyer) -> list[flow.Offer]:
    """Return the discounts that a call gives."""
    return [_offer(call, item, buyer) for item in params.children("discounts")]


def _offer(call: Call, item: Params, buyer: flow.Buyer) -> flow.Offer:
    item.allow(("coupon", "promotion_code"))
    coupon, promotion = item.text("coupon"), item.text("promotion_code")
    if (coupon is None) == (promotion is None):
        raise invalid("Give either a coupon or a promotion code.", item.path("coupon"))
    if coupon is not None:
        param = item.path("coupon")
        found = call.world.objects.alive("coupon", coupon, param)
        return flow.offer_of_coupon(call.world, found, buyer, param)
    param = item.path("promotion_code")
    found = call.world.objects.get("promotion_code", str(promotion), param)
    return flow.offer_of_promotion(call.world, found, buyer, param)


def discounts_change(call: Call, subscription: Json) -> None:
    """Give a subscription exactly the discounts that a call names."""
    wanted = call.params.children("discounts")
    kept = [name for item in wanted if (name := item.text("discount"))]
    currency, amount = subscription["currency"], 0
    buyer = flow.Buyer(subscription["customer"], amount, currency)
    offers = [_offer(call, item, buyer) for item in wanted if "discount" not in item]
    gone = [name for name in subscription["discounts"] if name not in kept]
    flow.discounts_remove(call.world, subscription, gone)
    for offer in offers:
        flow.discount_attach(call.world, subscription, offer)


def coupon_create(call: Call) -> Json:
    """POST /v1/coupons."""
    params, world = call.params, call.world
    params.allow(COUPON)
    coupon_id = params.text("id")
    if coupon_id and world.objects.find(coupon_id):
        message = f"Coupon already exists: {coupon_id}"
        raise StripeError(400, message, code="resource_already_exists", param="id")
    coupon = shapes.coupon(world.now(), coupon_id, **_worth(params), **_limits(params))
    coupon["name"] = params.text("name")
    applies = params.child("applies_to")
    applies.allow(("products",))
    products = [world.objects.alive("product", name, "applies_to")["id"]
                for name in applies.texts("products")]  # fmt: skip
    world.hidden(coupon["id"])["products"] = products
    return world.create(coupon, "coupon.created")


def _worth(params: Params) -> dict[str, Any]:
    percent, amount = params.text("percent_off"), params.number("amount_off")
    if (percent is None) == (amount is None):
        raise invalid("You must provide either `percent_off` or `amount_off`.", "percent_off")
    if percent is not None:
        if not 0 < float(percent) <= 100:
            raise invalid("percent_off must be more than 0 and at most 100.", "percent_off")
        return {"percent_off": float(percent)}
    if amount is None or amount <= 0:
        raise invalid("Invalid positive integer", "amount_off")
    return {"amount_off": amount, "currency": params.required("currency").lower()}


def _limits(params: Params) -> dict[str, Any]:
    duration = params.choice("duration", ("forever", "once", "repeating"), "once")
    months = params.number("duration_in_months")
    if (duration == "repeating") != (months is not None):
        message = "`duration_in_months` goes with the duration `repeating`, and only with it."
        raise invalid(message, "duration_in_months")
    return {
        "duration": duration,
        "duration_in_months": months,
        "max_redemptions": params.number("max_redemptions"),
        "redeem_by": params.number("redeem_by"),
        "metadata": params.merged_metadata(),
    }


def coupon_retrieve(call: Call) -> Json:
    """GET /v1/coupons/{id}."""
    return flow.coupon_refresh(call.world, call.world.objects.alive("coupon", call.id))


def coupon_list(call: Call) -> Json:
    """GET /v1/coupons."""
    for coupon in call.world.objects.of("coupon"):
        if not coupon.get("deleted"):
            flow.coupon_refresh(call.world, coupon)
    return call.listed("coupon", "/v1/coupons")


def coupon_update(call: Call) -> Json:
    """POST /v1/coupons/{id}: what it is worth never changes."""
    coupon, params = coupon_retrieve(call), call.params
    params.allow(("name", "metadata"))
    changes: Json = {"metadata": params.merged_metadata(coupon["metadata"])}
    if "name" in params:
        changes["name"] = params.text("name")
    return call.world.update(coupon, "coupon.updated", **changes)


def coupon_delete(call: Call) -> Json:
    """DELETE /v1/coupons/{id}: those who have it keep it."""
    coupon = coupon_retrieve(call)
    call.world.emit("coupon.deleted", coupon)
    return call.world.objects.replace({"id": coupon["id"], "object": "coupon", "deleted": True})


def promotion_create(call: Call) -> Json:
    """POST /v1/promotion_codes."""
    params, world = call.params, call.world
    params.allow(PROMOTION)
    promotion = params.child("promotion")
    promotion.allow(("type", "coupon"))
    promotion.choice("type", ("coupon",), promotion.required("type"))
    coupon = world.objects.alive("coupon", promotion.required("coupon"), "promotion[coupon]")
    made = shapes.promotion_code(
        world.now(),
        coupon=coupon["id"],
        code=_code(call),
        active=params.flag("active", True),
        customer=params.text("customer"),
        expires_at=params.number("expires_at"),
        max_redemptions=params.number("max_redemptions"),
        metadata=params.merged_metadata(),
    )
    made["restrictions"] = {**made["restrictions"], **_restrictions(params)}
    return world.create(made, "promotion_code.created")


def _code(call: Call) -> str:
    code = call.params.text("code") or "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
    for other in call.world.objects.of("promotion_code"):
        if other["code"].lower() == code.lower() and other["active"]:
            message = f"An active promotion code with `code: {code}` already exists."
            raise invalid(message, "code")
    return code


def _restrictions(params: Params) -> Json:
    wanted = params.child("restrictions")
    wanted.allow(("first_time_transaction", "minimum_amount", "minimum_amount_currency"))
    amount = wanted.number("minimum_amount")
    if amount is not None and "minimum_amount_currency" not in wanted:
        raise parameter_missing(wanted.path("minimum_amount_currency"))
    return {
        "first_time_transaction": bool(wanted.flag("first_time_transaction")),
        "minimum_amount": amount,
        "minimum_amount_currency": wanted.text("minimum_amount_currency"),
    }


def promotion_retrieve(call: Call) -> Json:
    """GET /v1/promotion_codes/{id}."""
    return flow.promotion_refresh(call.world, call.world.objects.get("promotion_code", call.id))


def promotion_list(call: Call) -> Json:
    """GET /v1/promotion_codes."""
    params = call.params
    params.allow((*LIST_PARAMS, "active", "code", "coupon", "customer"))
    rows = [flow.promotion_refresh(call.world, row)
            for row in call.world.objects.of("promotion_code")]  # fmt: skip
    found = [
        row
        for row in rows
        if ("active" not in params or row["active"] == params.flag("active"))
        and params.text("coupon") in (None, row["promotion"]["coupon"])
        and params.text("customer") in (None, row["customer"])
        and (params.text("code") or row["code"]).lower() == row["code"].lower()
    ]
    return page(found, params, "/v1/promotion_codes")


def promotion_update(call: Call) -> Json:
    """POST /v1/promotion_codes/{id}."""
    promotion, params = promotion_retrieve(call), call.params
    params.allow(("active", "metadata"))
    changes: Json = {"metadata": params.merged_metadata(promotion["metadata"])}
    if "active" in params:
        changes["active"] = params.flag("active")
    return call.world.update(promotion, "promotion_code.updated", **changes)


def subscription_discount_delete(call: Call) -> Json:
    """DELETE /v1/subscriptions/{id}/discount."""
    subscription = call.world.objects.get("subscription", call.id)
    if not subscription["discounts"]:
        raise StripeError(404, "No active discount for subscription", code="resource_missing")
    name = subscription["discounts"][0]
    flow.discounts_remove(call.world, subscription, subscription["discounts"])
    return {**call.world.objects.get("discount", name), "deleted": True}


ROUTES: Table = [
    ("POST", "/v1/coupons", coupon_create),
    ("GET", "/v1/coupons", coupon_list),
    ("GET", "/v1/coupons/{id}", coupon_retrieve),
    ("POST", "/v1/coupons/{id}", coupon_update),
    ("DELETE", "/v1/coupons/{id}", coupon_delete),
    ("POST", "/v1/promotion_codes", promotion_create),
    ("GET", "/v1/promotion_codes", promotion_list),
    ("GET", "/v1/promotion_codes/{id}", promotion_retrieve),
    ("POST", "/v1/promotion_codes/{id}", promotion_update),
    ("DELETE", "/v1/subscriptions/{id}/discount", subscription_discount_delete),
]
