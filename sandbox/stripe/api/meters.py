"""Billing meters, meter events, and their summaries."""

from __future__ import annotations

from decimal import Decimal

from sandbox.stripe.api.call import Call, Table
from sandbox.stripe.errors import StripeError, invalid, parameter_missing
from sandbox.stripe.flows import meters as flow
from sandbox.stripe.objects import page
from sandbox.stripe.params import Params
from sandbox.stripe.shapes import meters as shapes
from sandbox.types import Json

CREATE = (
    "display_name", "event_name", "default_aggregation", "customer_mapping", "value_settings",
)  # fmt: skip
WINDOWS = {"hour": 3600, "day": 86_400}


def meter_create(call: Call) -> Json:
    """POST /v1/billing/meters."""
    params, world = call.params, call.world
    params.allow(CREATE)
    name = params.required("event_name")
    for other in world.objects.of("billing.meter"):
        if other["event_name"] == name and other["status"] == "active":
            message = f"An active meter with the event name {name} exists already."
            raise StripeError(400, message, code="resource_already_exists", param="event_name")
    meter = shapes.meter(world.now(), display_name=params.required("display_name"), event_name=name)
    meter["default_aggregation"] = {"formula": _formula(params.child("default_aggregation"))}
    for setting in ("customer_mapping", "value_settings"):
        wanted = params.child(setting)
        wanted.allow(("event_payload_key", "type"))
        meter[setting] = {**meter[setting], **wanted.values}
    return world.create(meter, "billing.meter.created")


def _formula(aggregation: Params) -> str:
    aggregation.allow(("formula",))
    wanted = aggregation.required("formula")
    return aggregation.choice("formula", ("sum", "count", "last"), wanted)


def meter_retrieve(call: Call) -> Json:
    """GET /v1/billing/meters/{id}."""
    return call.world.objects.get("billing.meter", call.id)


def meter_list(call: Call) -> Json:
    """GET /v1/billing/meters."""
    return call.listed("billing.meter", "/v1/billing/meters", "status")


def meter_update(call: Call) -> Json:
    """POST /v1/billing/meters/{id}."""
    call.params.allow(("display_name",))
    name, now = call.params.required("display_name"), call.world.now()
    meter = meter_retrieve(call)
    return call.world.update(meter, "billing.meter.updated", display_name=name, updated=now)


def meter_deactivate(call: Call) -> Json:
    """POST /v1/billing/meters/{id}/deactivate."""
    call.params.allow(())
    now = call.world.now()
    return call.world.update(
        meter_retrieve(call),
        "billing.meter.deactivated",
        status="inactive",
        status_transitions={"deactivated_at": now},
        updated=now,
    )


def meter_reactivate(call: Call) -> Json:
    """POST /v1/billing/meters/{id}/reactivate."""
    call.params.allow(())
    return call.world.update(
        meter_retrieve(call),
        "billing.meter.reactivated",
        status="active",
        status_transitions={"deactivated_at": None},
        updated=call.world.now(),
    )


def event_create(call: Call) -> Json:
    """POST /v1/billing/meter_events."""
    params = call.params
    params.allow(("event_name", "payload", "identifier", "timestamp"))
    reading = flow.Reading(
        event_name=params.required("event_name"),
        payload={key: str(value) for key, value in params.child("payload").values.items()},
        identifier=params.text("identifier"),
        timestamp=params.number("timestamp"),
    )
    return flow.event_record(call.world, reading)


def adjustment_create(call: Call) -> Json:
    """POST /v1/billing/meter_event_adjustments."""
    params = call.params
    params.allow(("event_name", "type", "cancel"))
    params.choice("type", ("cancel",), params.required("type"))
    cancel = params.child("cancel")
    cancel.allow(("identifier",))
    name = params.required("event_name")
    return flow.event_cancel(call.world, name, cancel.required("identifier"))


def summary_list(call: Call) -> Json:
    """GET /v1/billing/meters/{id}/event_summaries."""
    params, meter = call.params, meter_retrieve(call)
    params.allow(
        ("customer", "start_time", "end_time", "value_grouping_window", "limit",
         "starting_after", "ending_before")
    )  # fmt: skip
    customer = call.world.objects.get("customer", params.required("customer"), "customer")["id"]
    rows = [
        shapes.summary(
            meter=meter["id"],
            value=_number(flow.usage(call.world, meter, customer, start, end)),
            start=start,
            end=end,
        )
        for start, end in _windows(params)
    ]
    return page(rows, params, f"/v1/billing/meters/{meter['id']}/event_summaries")


def _number(value: Decimal) -> float:
    return int(value) if value == value.to_integral_value() else float(value)


def _windows(params: Params) -> list[tuple[int, int]]:
    window = params.text("value_grouping_window")
    if window is not None and window not in WINDOWS:
        raise invalid("Must be one of hour, day.", "value_grouping_window")
    step = WINDOWS[window] if window else 60
    start, end = (_aligned(params, name, step) for name in ("start_time", "end_time"))
    if start >= end:
        raise invalid("The end must be later than the start.", "end_time")
    if window is None:
        return [(start, end)]
    return [(at, at + step) for at in range(start, end, step)]


def _aligned(params: Params, name: str, step: int) -> int:
    moment = params.number(name)
    if moment is None:
        raise parameter_missing(name)
    if moment % step:
        names = {60: "minute", 3600: "hour", 86_400: "day"}
        raise invalid(f"The {name} must be aligned with {names[step]} boundaries.", name)
    return moment


ROUTES: Table = [
    ("POST", "/v1/billing/meters", meter_create),
    ("GET", "/v1/billing/meters", meter_list),
    ("GET", "/v1/billing/meters/{id}", meter_retrieve),
    ("POST", "/v1/billing/meters/{id}", meter_update),
    ("POST", "/v1/billing/meters/{id}/deactivate", meter_deactivate),
    ("POST", "/v1/billing/meters/{id}/reactivate", meter_reactivate),
    ("GET", "/v1/billing/meters/{id}/event_summaries", summary_list),
    ("POST", "/v1/billing/meter_events", event_create),
    ("POST", "/v1/billing/meter_event_adjustments", adjustment_create),
]
