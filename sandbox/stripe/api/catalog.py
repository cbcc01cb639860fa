"""Products."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.objects import listing
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


def product_create(call: Call) -> Json:
    """POST /v1/products."""
    params = call.params
    params.allow((*PRODUCT_FIELDS, "id", "active", "metadata", "images", "shippable", "type"))
    params.required("name")
    product_id = params.text("id")
    if product_id and call.world.objects.find(product_id):
        message = f"Product already exists: {product_id}"
        raise StripeError(400, message, code="resource_already_exists", param="id")
    product = shapes.product(product_id, call.world.now(), **product_changes(params, {}))
    return call.world.create(product, "product.created")


def product_changes(params: Params, metadata: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a product that a call sets."""
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
    changes = product_changes(call.params, product["metadata"])
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


ROUTES: Table = [
    ("POST", "/v1/products", product_create),
    ("GET", "/v1/products", product_list),
    ("GET", "/v1/products/{id}", product_retrieve),
    ("POST", "/v1/products/{id}", product_update),
    ("DELETE", "/v1/products/{id}", product_delete),
    ("GET", "/v1/products/{id}/features", product_features),
]
