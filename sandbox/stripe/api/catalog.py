"""Products and prices."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.errors import StripeError, invalid, parameter_missing
from sandbox.stripe.objects import listing, page
from sandbox.stripe.params import Params
from sandbox.stripe.shapes import catalog as shapes
from sandbox.types import Json

PRODUCT_FIELDS = (
    "name",
    "description",
    "statement_descriptor",
    "unit_label",
    "url",
    "tax_code",
)
PRICE_CREATE = (
    "currency", "unit_amount", "product", "product_data", "recurring", "lookup_key",
    "transfer_lookup_key", "metadata", "nickname", "active", "tax_behavior", "billing_scheme",
)  # fmt: skip
PRICE_UPDATE = (
    "active", "lookup_key", "transfer_lookup_key", "metadata", "nickname", "tax_behavior",
)  # fmt: skip


def product_create(call: Call) -> Json:
    """POST /v1/products."""
    params = call.params
    params.allow((*PRODUCT_FIELDS, "id", "active", "metadata", "images", "shippable", "type"))
    params.required("name")
    product_id = params.text("id")
    if product_id and call.world.objects.find(product_id):
        message = f"Product already exists: {product_id}"
        raise StripeError(400, message, code="resource_already_exists", param="id")
    product = shapes.product(product_id, call.world.now(), **_product_changes(params, {}))
    return call.world.create(product, "product.created")


def _product_changes(params: Params, metadata: dict[str, str]) -> dict[str, Any]:
    changes: dict[str, Any] = {name: params.text(name) for name in PRODUCT_FIELDS if name in params}
    if "active" in params:
        changes["active"] = params.flag("active")
    if "images" in params:
        changes["images"] = params.texts("images")
    return {**changes, "metadata": params.merged_metadata(metadata)}


def product_update(call: Call) -> Json:
    """POST /v1/products/{id}."""
    product = call.world.objects.alive("product", call.id)
    call.params.allow((*PRODUCT_FIELDS, "active", "metadata", "images", "default_price"))
    changes = _product_changes(call.params, product["metadata"])
    if "default_price" in call.params:
        price = call.world.objects.get("price", call.params.required("default_price"), "price")
        changes["default_price"] = price["id"]
    return call.world.update(product, "product.updated", **changes, updated=call.world.now())


def product_retrieve(call: Call) -> Json:
    """GET /v1/products/{id}."""
    return call.world.objects.alive("product", call.id)


def product_list(call: Call) -> Json:
    """GET /v1/products."""
    ids = call.params.texts("ids")
    call.params.values.pop("ids", None)
    return call.listed(
        "product",
        "/v1/products",
        "active",
        "url",
        where=lambda row: not ids or row["id"] in ids,
    )


def product_delete(call: Call) -> Json:
    """DELETE /v1/products/{id}."""
    product = call.world.objects.alive("product", call.id)
    if any(price["product"] == product["id"] for price in call.world.objects.of("price")):
        raise invalid("This product cannot be deleted because it has one or more prices.")
    call.world.emit("product.deleted", product)
    gone = {"id": product["id"], "object": "product", "deleted": True}
    return call.world.objects.replace(gone)


def product_features(call: Call) -> Json:
    """GET /v1/products/{id}/features: the sandbox sells no separate features."""
    product = product_retrieve(call)
    call.params.allow(LIST_PARAMS)
    return listing([], f"/v1/products/{product['id']}/features")


def price_create(call: Call) -> Json:
    """POST /v1/prices."""
    params = call.params
    params.allow(PRICE_CREATE)
    amount = params.number("unit_amount")
    if amount is None:
        raise parameter_missing("unit_amount")
    if amount < 0:
        raise invalid("Invalid non-negative integer", "unit_amount")
    fields: dict[str, Any] = {
        "metadata": params.merged_metadata(),
        "nickname": params.text("nickname"),
        "active": params.flag("active", True),
        "tax_behavior": params.text("tax_behavior") or "unspecified",
        "lookup_key": _lookup_key(call),
        "recurring": _recurring(params.child("recurring")),
    }
    currency = params.required("currency").lower()
    product = _price_product(call)
    price = shapes.price(
        call.world.now(),
        product=product,
        currency=currency,
        unit_amount=amount,
        **fields,
    )
    return call.world.create(price, "price.created")


def _price_product(call: Call) -> str:
    if "product_data" not in call.params:
        product_id = call.params.required("product")
        return str(call.world.objects.alive("product", product_id, "product")["id"])
    data = call.params.child("product_data")
    fields = _product_changes(data, {})
    product = shapes.product(data.text("id"), call.world.now(), **fields)
    return str(call.world.create(product, "product.created")["id"])


def _recurring(params: Params) -> Json | None:
    if not params.values:
        return None
    params.allow(("interval", "interval_count", "usage_type"))
    interval = params.choice(
        "interval", ("day", "week", "month", "year"), params.required("interval")
    )
    return shapes.recurring(interval, params.number("interval_count", 1) or 1)


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
    ("POST", "/v1/products", product_create),
    ("GET", "/v1/products", product_list),
    ("GET", "/v1/products/{id}", product_retrieve),
    ("POST", "/v1/products/{id}", product_update),
    ("DELETE", "/v1/products/{id}", product_delete),
    ("GET", "/v1/products/{id}/features", product_features),
    ("POST", "/v1/prices", price_create),
    ("GET", "/v1/prices", price_list),
    ("GET", "/v1/prices/{id}", price_retrieve),
    ("POST", "/v1/prices/{id}", price_update),
]
