"""Prices: fixed, by tiers, by use."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.api.catalog import product_changes
from sandbox.stripe.errors import invalid, parameter_missing
from sandbox.stripe.objects import page
from sandbox.stripe.params import Params
from sandbox.stripe.shapes import catalog as shapes
from sandbox.types import Json

PRICE_CREATE = (
    "currency", "unit_amount", "unit_amount_decimal", "product", "product_data", "recurring",
    "lookup_key", "transfer_lookup_key", "metadata", "nickname", "active", "tax_behavior",
    "billing_scheme", "tiers", "tiers_mode", "transform_quantity",
)  # fmt: skip
PRICE_UPDATE = (
    "active", "lookup_key", "transfer_lookup_key", "metadata", "nickname", "tax_behavior",
)  # fmt: skip


def price_create(call: Call) -> Json:
    """POST /v1/prices."""
    params = call.params
    params.allow(PRICE_CREATE)
    fields: dict[str, Any] = {
        "metadata": params.merged_metadata(),
        "nickname": params.text("nickname"),
        "active": params.flag("active", True),
        "tax_behavior": params.text("tax_behavior") or "unspecified",
        "lookup_key": _lookup_key(call),
        "recurring": _recurring(call),
        "transform_quantity": _packing(params.child("transform_quantity")),
        **_worth(params),
    }
    currency = params.required("currency").lower()
    price = shapes.price(
        call.world.now(), product=_price_product(call), currency=currency, **fields
    )
    call.world.hidden(price["id"])["tiers"] = _tiers(params)
    return call.world.create(price, "price.created")


def _worth(params: Params) -> dict[str, Any]:
    """Return what one costs, exactly, and in whole cents where it comes to such."""
    if params.choice("billing_scheme", ("per_unit", "tiered"), "per_unit") == "tiered":
        wanted = params.required("tiers_mode")
        mode = params.choice("tiers_mode", ("graduated", "volume"), wanted)
        return {"billing_scheme": "tiered", "tiers_mode": mode, **_exact(None)}
    if "unit_amount" not in params and "unit_amount_decimal" not in params:
        raise parameter_missing("unit_amount")
    return _exact(_amount(params, "unit_amount"))


def _exact(amount: Decimal | None) -> dict[str, Any]:
    whole = amount is not None and amount == amount.to_integral_value()
    return {
        "unit_amount": int(amount) if amount is not None and whole else None,
        "unit_amount_decimal": None if amount is None else f"{amount.normalize():f}",
    }


def _amount(params: Params, name: str) -> Decimal | None:
    """Return an amount given in whole cents, or exactly."""
    text = params.text(name) or params.text(f"{name}_decimal")
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise invalid(f"Invalid decimal: {text}", params.path(name)) from None
    if amount < 0:
        raise invalid("Invalid non-negative integer", params.path(name))
    return amount


def _tiers(params: Params) -> list[Json]:
    return [_tier(tier) for tier in params.children("tiers")]


def _tier(tier: Params) -> Json:
    tier.allow(
        ("up_to", "unit_amount", "unit_amount_decimal", "flat_amount", "flat_amount_decimal")
    )
    up_to = tier.required("up_to")
    unit, flat = _exact(_amount(tier, "unit_amount")), _exact(_amount(tier, "flat_amount"))
    return {
        "flat_amount": flat["unit_amount"],
        "flat_amount_decimal": flat["unit_amount_decimal"],
        **unit,
        "up_to": None if up_to == "inf" else tier.number("up_to"),
    }


def _packing(params: Params) -> Json | None:
    if not params.values:
        return None
    params.allow(("divide_by", "round"))
    rounding = params.choice("round", ("up", "down"), params.required("round"))
    return {"divide_by": params.number("divide_by"), "round": rounding}


def _price_product(call: Call) -> str:
    if "product_data" not in call.params:
        product_id = call.params.required("product")
        return str(call.world.objects.alive("product", product_id, "product")["id"])
    data = call.params.child("product_data")
    fields = product_changes(data, {})
    product = shapes.product(data.text("id"), call.world.now(), **fields)
    return str(call.world.create(product, "product.created")["id"])


def _recurring(call: Call) -> Json | None:
    params = call.params.child("recurring")
    if not params.values:
        return None
    params.allow(("interval", "interval_count", "usage_type", "meter"))
    interval = params.choice(
        "interval", ("day", "week", "month", "year"), params.required("interval")
    )
    usage = params.choice("usage_type", ("licensed", "metered"), "licensed")
    meter = params.text("meter")
    if (usage == "metered") != (meter is not None):
        message = "A metered price needs a meter, and no other price may have one."
        raise invalid(message, params.path("meter"))
    if meter:
        call.world.objects.get("billing.meter", meter, params.path("meter"))
    count = params.number("interval_count", 1) or 1
    return {**shapes.recurring(interval, count), "usage_type": usage, "meter": meter}


def _lookup_key(call: Call) -> str | None:
    key = call.params.text("lookup_key")
    holders = [row for row in call.world.objects.of("price") if key and row["lookup_key"] == key]
    for holder in holders:
        if holder["id"] == call.path.get("id"):
            continue
        if not call.params.flag("transfer_lookup_key", False):
            message = f"A price (`{holder['id']}`) already uses that lookup key."
            raise invalid(message, "lookup_key")
        call.world.update(holder, "price.updated", lookup_key=None)
    return key


def price_update(call: Call) -> Json:
    """POST /v1/prices/{id}."""
    price, params = call.world.objects.get("price", call.id), call.params
    params.allow(PRICE_UPDATE)
    changes: dict[str, Any] = {"metadata": params.merged_metadata(price["metadata"])}
    if "active" in params:
        changes["active"] = params.flag("active")
    if "lookup_key" in params:
        changes["lookup_key"] = _lookup_key(call)
    for name in ("nickname", "tax_behavior"):
        if name in params:
            changes[name] = params.text(name)
    return call.world.update(price, "price.updated", **changes)


def price_retrieve(call: Call) -> Json:
    """GET /v1/prices/{id}."""
    return call.world.objects.get("price", call.id)


def price_list(call: Call) -> Json:
    """GET /v1/prices."""
    params = call.params
    params.allow(
        (
            *LIST_PARAMS,
            "active",
            "currency",
            "lookup_keys",
            "product",
            "recurring",
            "type",
        )
    )
    keys, recurring = params.texts("lookup_keys"), params.child("recurring")
    if len(keys) > 10:
        raise invalid("You may only specify up to 10 lookup_keys.", "lookup_keys")
    found = [
        price
        for price in call.world.objects.of("price")
        if (not keys or price["lookup_key"] in keys)
        and ("active" not in params or price["active"] == params.flag("active"))
        and all(params.text(n) in (None, price[n]) for n in ("currency", "product", "type"))
        and _recurs(price, recurring)
    ]
    return page(found, params, "/v1/prices")


def _recurs(price: Json, wanted: Params) -> bool:
    actual = price["recurring"] or {}
    return all(actual.get(name) == value for name, value in wanted.values.items())


ROUTES: Table = [
    ("POST", "/v1/prices", price_create),
    ("GET", "/v1/prices", price_list),
    ("GET", "/v1/prices/{id}", price_retrieve),
    ("POST", "/v1/prices/{id}", price_update),
]
