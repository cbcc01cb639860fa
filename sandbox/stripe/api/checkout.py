"""Checkout sessions and sessions of the customer portal."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.api.call import Call, Table
from sandbox.stripe.api.discounts import offers_wanted
from sandbox.stripe.errors import invalid, parameter_missing
from sandbox.stripe.flows import session_prices as prices
from sandbox.stripe.flows.amounts import metered
from sandbox.stripe.flows.checkout import session_expire
from sandbox.stripe.flows.items import prices_agree
from sandbox.stripe.flows.taxes import country_of
from sandbox.stripe.objects import listing
from sandbox.stripe.params import Params
from sandbox.stripe.shapes import checkout as shapes
from sandbox.types import Json

CREATE = (
    "mode", "line_items", "success_url", "cancel_url", "client_reference_id", "metadata",
    "subscription_data", "customer", "customer_email", "expires_at", "locale",
    "allow_promotion_codes", "billing_address_collection", "payment_method_collection",
    "payment_method_types", "submit_type", "ui_mode", "customer_update", "automatic_tax",
    "integration_identifier", "discounts", "tax_id_collection",
)  # fmt: skip
PLAIN = (
    "client_reference_id", "locale", "billing_address_collection", "submit_type",
    "integration_identifier",
)  # fmt: skip
SHORTEST_SECONDS, LONGEST_SECONDS = 1800, 86_400


def session_create(call: Call) -> Json:
    """POST /v1/checkout/sessions."""
    params = call.params
    params.allow(CREATE)
    if params.required("mode") != "subscription":
        raise invalid("The sandbox only knows checkout in subscription mode.", "mode")
    params.choice("ui_mode", ("hosted", "hosted_page"), "hosted_page")
    lines = _lines(call)
    data = _subscription_data(call)
    fields = _fields(call)
    session = shapes.session(
        call.world.now(),
        base_url=call.world.config.public_url,
        amount=0,
        currency=lines[0]["price"]["currency"],
        **fields,
    )
    hidden = call.world.hidden(session["id"])
    hidden.update(
        line_items=lines,
        subscription_data=data,
        offers=[],
        customer_update=dict(call.params.child("customer_update").values),
    )
    _discounts(call, session)
    prices.session_price(call.world, session, _country(call, session))
    return call.world.create(session)


def _discounts(call: Call, session: Json) -> None:
    if call.params.children("discounts") and session["allow_promotion_codes"]:
        message = "You may only specify one of these: allow_promotion_codes, discounts."
        raise invalid(message, "discounts")
    buyer = prices.session_buyer(call.world, session)
    prices.session_offer(call.world, session, offers_wanted(call, call.params, buyer))


def _country(call: Call, session: Json) -> str | None:
    customer = session["customer"] and call.world.objects.get("customer", session["customer"])
    return country_of(customer) if customer else None


def _fields(call: Call) -> dict[str, Any]:
    params = call.params
    fields: dict[str, Any] = {name: params.text(name) for name in PLAIN if name in params}
    fields["metadata"] = params.merged_metadata()
    fields["success_url"] = params.required("success_url")
    fields["cancel_url"] = params.text("cancel_url")
    for name in ("success_url", "cancel_url"):
        if fields[name] and not fields[name].startswith(("http://", "https://")):
            raise invalid("Not a valid URL", name, "url_invalid")
    fields["expires_at"] = _expiry(call)
    if "allow_promotion_codes" in params:
        fields["allow_promotion_codes"] = params.flag("allow_promotion_codes")
    params.choice("payment_method_collection", ("always",), "always")
    if set(params.texts("payment_method_types")) - {"card"}:
        raise invalid("The sandbox only knows cards.", "payment_method_types")
    return {**fields, **_tax_fields(call), **_customer_fields(call)}


def _tax_fields(call: Call) -> dict[str, Any]:
    """Return the fields about taxes; a known customer must be willing to be changed by them."""
    params, fields = call.params, dict[str, Any]()
    tax, ids, update = (
        params.child(name) for name in ("automatic_tax", "tax_id_collection", "customer_update")
    )
    tax.allow(("enabled",))
    ids.allow(("enabled", "required"))
    update.allow(("address", "name", "shipping"))
    if tax.flag("enabled"):
        _require_place(call, update)
        fields["automatic_tax"] = {
            "enabled": True,
            "liability": {"type": "self"},
            "provider": "stripe",
            "status": "requires_location_inputs",
        }
    if ids.flag("enabled"):
        if params.text("customer") and update.text("name") != "auto":
            message = (
                "Tax ID collection requires updating business name on the customer. To enable tax "
                "ID collection for an existing customer, please set `customer_update[name]` to "
                "`auto`."
            )
            raise invalid(message, "customer_update[name]")
        required = ids.choice("required", ("if_supported", "never"), "never")
        fields["tax_id_collection"] = {"enabled": True, "required": required}
    return fields


def _require_place(call: Call, update: Params) -> None:
    customer_id = call.params.text("customer")
    if not customer_id or update.text("address") == "auto":
        return
    if country_of(call.world.objects.alive("customer", customer_id, "customer")) is None:
        message = (
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add "
            "a valid address to the Customer or set `customer_update[address]` to 'auto' to save "
            "the address entered in Checkout to the Customer."
        )
        raise invalid(message, "automatic_tax", "customer_tax_location_invalid")


def _customer_fields(call: Call) -> dict[str, Any]:
    customer_id, email = (
        call.params.text("customer"),
        call.params.text("customer_email"),
    )
    if customer_id and email:
        message = "You may only specify one of these parameters: customer, customer_email."
        raise invalid(message, "customer")
    if not customer_id:
        return {"customer_email": email}
    customer = call.world.objects.alive("customer", customer_id, "customer")
    details = shapes.customer_details(customer["email"], customer["name"])
    return {
        "customer": customer["id"],
        "customer_creation": None,
        "customer_details": details,
    }


def _expiry(call: Call) -> int:
    now = call.world.now()
    expires = call.params.number("expires_at", now + LONGEST_SECONDS) or 0
    # The caller's clock may be some seconds away from ours.
    if not now + SHORTEST_SECONDS - 60 <= expires <= now + LONGEST_SECONDS + 60:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from now."
        raise invalid(message, "expires_at")
    return expires


def _lines(call: Call) -> list[Json]:
    wanted = call.params.children("line_items")
    if not wanted:
        raise parameter_missing("line_items")
    lines = [_line(call, item) for item in wanted]
    prices_agree((line["price"] for line in lines), "line_items")
    return lines


def _line(call: Call, item: Params) -> Json:
    item.allow(("price", "quantity"))
    param = item.path("price")
    price = call.world.objects.get("price", item.required("price"), param)
    if not price["active"]:
        message = "The price specified is inactive. This field only accepts active prices."
        raise invalid(message, param)
    if not price["recurring"]:
        raise invalid("The sandbox only sells recurring prices at checkout.", param)
    quantity = item.number("quantity")
    if metered(price) and quantity is not None:
        raise invalid("Quantity should not be specified for a metered price.", param)
    if not metered(price) and (not quantity or quantity < 1):
        raise invalid("Quantity is required.", item.path("quantity"))
    product = call.world.objects.get("product", price["product"], "product")
    return shapes.session_item(price, quantity, product["name"])


def _subscription_data(call: Call) -> Json:
    data = call.params.child("subscription_data")
    data.allow(("metadata", "trial_period_days", "trial_end", "description", "trial_settings"))
    days, end = data.number("trial_period_days"), data.number("trial_end")
    if days is not None and not 1 <= days <= 730:
        raise invalid("Trial periods last 1 to 730 days.", data.path("trial_period_days"))
    if days and end:
        message = "You may only specify one of these parameters: trial_period_days, trial_end."
        raise invalid(message, data.path("trial_end"))
    if end and end < call.world.now() + 172_800 - 60:
        raise invalid("The `trial_end` date has to be at least 2 days in the future.", "trial_end")
    return {
        "metadata": data.merged_metadata(),
        "trial_period_days": days,
        "trial_end": end,
        "description": data.text("description"),
    }


def session_retrieve(call: Call) -> Json:
    """GET /v1/checkout/sessions/{id}."""
    return call.world.objects.get("checkout.session", call.id)


def session_list(call: Call) -> Json:
    """GET /v1/checkout/sessions."""
    filters = ("customer", "subscription", "payment_intent", "status")
    return call.listed("checkout.session", "/v1/checkout/sessions", *filters)


def session_line_items(call: Call) -> Json:
    """GET /v1/checkout/sessions/{id}/line_items."""
    session = session_retrieve(call)
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return listing(call.world.hidden(session["id"])["line_items"], url)


def session_expire_call(call: Call) -> Json:
    """POST /v1/checkout/sessions/{id}/expire."""
    call.params.allow(())
    return session_expire(call.world, session_retrieve(call))


def portal_create(call: Call) -> Json:
    """POST /v1/billing_portal/sessions."""
    call.params.allow(("customer", "return_url", "configuration", "locale"))
    customer_id = call.params.required("customer")
    customer = call.world.objects.alive("customer", customer_id, "customer")
    configuration = call.world.objects.of("billing_portal.configuration")[0]
    session = shapes.portal_session(
        call.world.now(),
        base_url=call.world.config.public_url,
        configuration=configuration["id"],
        customer=customer["id"],
        return_url=call.params.text("return_url"),
    )
    return call.world.create(session)


def portal_configurations(call: Call) -> Json:
    """GET /v1/billing_portal/configurations."""
    return call.listed(
        "billing_portal.configuration",
        "/v1/billing_portal/configurations",
        "active",
        "is_default",
    )


ROUTES: Table = [
    ("POST", "/v1/checkout/sessions", session_create),
    ("GET", "/v1/checkout/sessions", session_list),
    ("GET", "/v1/checkout/sessions/{id}", session_retrieve),
    ("GET", "/v1/checkout/sessions/{id}/line_items", session_line_items),
    ("POST", "/v1/checkout/sessions/{id}/expire", session_expire_call),
    ("POST", "/v1/billing_portal/sessions", portal_create),
    ("GET", "/v1/billing_portal/configurations", portal_configurations),
]
