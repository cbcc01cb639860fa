"""Tax rates, and customers' tax numbers."""

from __future__ import annotations

from sandbox.stripe.api.call import LIST_PARAMS, Call, Table
from sandbox.stripe.flows.taxes import tax_id_new
from sandbox.stripe.objects import page
from sandbox.types import Json


def rate_retrieve(call: Call) -> Json:
    """GET /v1/tax_rates/{id}."""
    return call.world.objects.get("tax_rate", call.id)


def rate_list(call: Call) -> Json:
    """GET /v1/tax_rates."""
    return call.listed("tax_rate", "/v1/tax_rates", "active", "inclusive")


def tax_id_create(call: Call) -> Json:
    """POST /v1/customers/{id}/tax_ids."""
    call.params.allow(("type", "value"))
    customer = call.world.objects.alive("customer", call.id)
    kind = call.params.required("type")
    return tax_id_new(call.world, customer, call.params.required("value"), kind)


def tax_id_list(call: Call) -> Json:
    """GET /v1/customers/{id}/tax_ids."""
    call.params.allow(LIST_PARAMS)
    customer = call.world.objects.alive("customer", call.id)
    rows = [row for row in call.world.objects.of("tax_id") if row["customer"] == customer["id"]]
    return page(rows, call.params, f"/v1/customers/{customer['id']}/tax_ids")


def tax_id_retrieve(call: Call) -> Json:
    """GET /v1/tax_ids/{id} and /v1/customers/{id}/tax_ids/{tax_id}."""
    return call.world.objects.alive("tax_id", call.path.get("tax_id", call.id))


def tax_id_delete(call: Call) -> Json:
    """DELETE /v1/customers/{id}/tax_ids/{tax_id}."""
    tax_id = tax_id_retrieve(call)
    call.world.emit("customer.tax_id.deleted", tax_id)
    del call.world.objects.kinds["tax_id"][tax_id["id"]]
    return {"id": tax_id["id"], "object": "tax_id", "deleted": True}


ROUTES: Table = [
    ("GET", "/v1/tax_rates", rate_list),
    ("GET", "/v1/tax_rates/{id}", rate_retrieve),
    ("GET", "/v1/tax_ids/{id}", tax_id_retrieve),
    ("POST", "/v1/customers/{id}/tax_ids", tax_id_create),
    ("GET", "/v1/customers/{id}/tax_ids", tax_id_list),
    ("GET", "/v1/customers/{id}/tax_ids/{tax_id}", tax_id_retrieve),
    ("DELETE", "/v1/customers/{id}/tax_ids/{tax_id}", tax_id_delete),
]
