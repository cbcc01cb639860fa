"""Customers and their payment methods."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.errors import invalid
from sandbox.stripe.flows import cards, dunning
from sandbox.stripe.objects import listing, page
from sandbox.stripe.params import Params
from sandbox.stripe.shapes import customers as shapes
from sandbox.stripe.shapes.account import NO_ADDRESS
from sandbox.types import Json

TEXTS = ("name", "email", "description", "phone", "tax_exempt")
FIELDS = (
    *TEXTS,
    "address",
    "metadata",
    "invoice_settings",
    "preferred_locales",
    "payment_method",
)


def customer_create(call: Call) -> Json:
    """POST /v1/customers."""
    call.params.allow(FIELDS)
    customer = shapes.customer(call.world.now(), **_changes(call.params, {}))
    call.world.create(customer, "customer.created")
    _set_methods(call, customer)
    return customer


def _changes(params: Params, metadata: dict[str, str]) -> dict[str, Any]:
    changes: dict[str, Any] = {name: params.text(name) for name in TEXTS if name in params}
    if changes.get("email") and "@" not in changes["email"]:
        raise invalid(f"Invalid email address: {changes['email']}", "email", "email_invalid")
    if "address" in params:
        address = params.child("address")
        address.allow(NO_ADDRESS)
        changes["address"] = {**NO_ADDRESS, **address.values} if address.values else None
    if "preferred_locales" in params:
        changes["preferred_locales"] = params.texts("preferred_locales")
    return {**changes, "metadata": params.merged_metadata(metadata)}


def _set_methods(call: Call, customer: Json) -> None:
    attached = call.params.text("payment_method")
    if attached:
        cards.method_attach(call.world, cards.method_find(call.world, attached), customer)
    settings = call.params.child("invoice_settings")
    settings.allow(("default_payment_method",))
    if "default_payment_method" in settings:
        _set_default(call, customer, settings)


def _set_default(call: Call, customer: Json, settings: Params) -> None:
    method_id = settings.text("default_payment_method")
    if method_id:
        method = call.world.objects.get("payment_method", method_id, "payment_method")
        if method["customer"] != customer["id"]:
            message = "The customer does not have a payment method with that ID."
            raise invalid(message, settings.path("default_payment_method"), "resource_missing")
    merged = {**customer["invoice_settings"], "default_payment_method": method_id}
    call.world.update(customer, "customer.updated", invoice_settings=merged)


def customer_update(call: Call) -> Json:
    """POST /v1/customers/{id}."""
    customer = call.world.objects.alive("customer", call.id)
    call.params.allow(FIELDS)
    changes = _changes(call.params, customer["metadata"])
    call.world.update(customer, "customer.updated", **changes)
    _set_methods(call, customer)
    return customer


def customer_retrieve(call: Call) -> Json:
    """GET /v1/customers/{id}: a deleted customer is shown as such."""
    return call.world.objects.get("customer", call.id)


def customer_list(call: Call) -> Json:
    """GET /v1/customers."""
    return call.listed("customer", "/v1/customers", "email")


def customer_delete(call: Call) -> Json:
    """DELETE /v1/customers/{id}: its subscriptions end at once."""
    customer = call.world.objects.alive("customer", call.id)
    for subscription in call.world.objects.of("subscription"):
        running = subscription["status"] not in ("canceled", "incomplete_expired")
        if subscription["customer"] == customer["id"] and running:
            dunning.subscription_end(call.world, subscription, reason="cancellation_requested")
    gone = {"id": customer["id"], "object": "customer", "deleted": True}
    call.world.emit("customer.deleted", customer)
    call.world.touch()
    return call.world.objects.replace(gone)


def method_list(call: Call) -> Json:
    """GET /v1/payment_methods and /v1/customers/{id}/payment_methods."""
    call.params.allow((*LIST_PARAMS, "customer", "type", "allow_redisplay"))
    customer = call.path.get("id") or call.params.text("customer")
    if customer is None:
        return listing([], "/v1/payment_methods")
    call.world.objects.alive("customer", customer, "customer")
    methods = call.world.objects.of("payment_method")
    return page(
        [row for row in methods if row["customer"] == customer],
        call.params,
        "/v1/payment_methods",
    )


def method_retrieve(call: Call) -> Json:
    """GET /v1/payment_methods/{id}."""
    return call.world.objects.get("payment_method", call.id, "payment_method")


def method_attach(call: Call) -> Json:
    """POST /v1/payment_methods/{id}/attach."""
    call.params.allow(("customer",))
    customer_id = call.params.required("customer")
    customer = call.world.objects.alive("customer", customer_id, "customer")
    return cards.method_attach(call.world, cards.method_find(call.world, call.id), customer)


def method_detach(call: Call) -> Json:
    """POST /v1/payment_methods/{id}/detach."""
    call.params.allow(())
    return cards.method_detach(call.world, method_retrieve(call))


ROUTES: Table = [
    ("POST", "/v1/customers", customer_create),
    ("GET", "/v1/customers", customer_list),
    ("GET", "/v1/customers/{id}", customer_retrieve),
    ("POST", "/v1/customers/{id}", customer_update),
    ("DELETE", "/v1/customers/{id}", customer_delete),
    ("GET", "/v1/customers/{id}/payment_methods", method_list),
    ("GET", "/v1/payment_methods", method_list),
    ("GET", "/v1/payment_methods/{id}", method_retrieve),
    ("POST", "/v1/payment_methods/{id}/attach", method_attach),
    ("POST", "/v1/payment_methods/{id}/detach", method_detach),
]
