"""Usage: a meter counts what it is told, each event once."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.shapes import meters as shapes
from sandbox.stripe.world import World
from sandbox.types import Json

UNIQUE_SECONDS = 86_400
OLDEST_SECONDS = 35 * 86_400
AHEAD_SECONDS = 300


@dataclass(frozen=True)
class Reading:
    """What somebody tells a meter."""

    event_name: str
    payload: dict[str, str]
    identifier: str | None
    timestamp: int | None


def meter_named(world: World, event_name: str) -> Json:
    """Return the active meter that listens to an event name."""
    for meter in world.objects.of("billing.meter"):
        if meter["event_name"] == event_name and meter["status"] == "active":
            return meter
    message = f"No active meter found matching the event name: {event_name}."
    raise invalid(message, "event_name", "resource_missing")


def event_record(world: World, reading: Reading) -> Json:
    """Count an event; one with an identifier of the last 24 hours is refused."""
    meter = meter_named(world, reading.event_name)
    now, identifier = world.now(), reading.identifier or str(uuid.uuid4())
    timestamp = _timestamp(now, reading.timestamp)
    rows = _rows(world, meter)
    if any(
        row["identifier"] == identifier for row in rows if row["created"] > now - UNIQUE_SECONDS
    ):
        message = f"An event already exists with identifier {identifier}."
        raise StripeError(400, message, code="duplicate_meter_event", param="identifier")
    rows.append(
        {
            "identifier": identifier,
            "customer": _required(reading.payload, meter["customer_mapping"]),
            "value": str(_value(_required(reading.payload, meter["value_settings"]))),
            "timestamp": timestamp,
            "created": now,
        }
    )
    world.touch()
    return shapes.event(
        now,
        event_name=reading.event_name,
        identifier=identifier,
        payload=reading.payload,
        timestamp=timestamp,
    )


def _rows(world: World, meter: Json) -> list[Json]:
    rows: list[Json] = world.hidden(meter["id"]).setdefault("events", [])
    return rows


def _timestamp(now: int, wanted: int | None) -> int:
    timestamp = now if wanted is None else wanted
    if timestamp < now - OLDEST_SECONDS:
        message = "The timestamp must be within the past 35 days."
        raise invalid(message, "timestamp", "timestamp_too_far_in_past")
    if timestamp > now + AHEAD_SECONDS:
        message = "The timestamp must be at most 5 minutes in the future."
        raise invalid(message, "timestamp", "timestamp_in_future")
    return timestamp


def _required(payload: dict[str, str], setting: Json) -> str:
    key = setting["event_payload_key"]
    if not payload.get(key):
        raise invalid(f"The payload must contain the key {key}.", f"payload[{key}]")
    return payload[key]


def _value(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise invalid(f"Invalid value: {text} is no number.", "payload[value]") from None
    if not value.is_finite():
        raise invalid(f"Invalid value: {text} is no number.", "payload[value]")
    return value


def event_cancel(world: World, event_name: str, identifier: str) -> Json:
    """Take back an event of the last 24 hours."""
    rows = _rows(world, meter_named(world, event_name))
    newest = world.now() - UNIQUE_SECONDS
    for row in rows:
        if row["identifier"] == identifier and row["created"] > newest:
            # It stays known, so that its identifier stays used up.
            row["canceled"] = True
            world.touch()
            return shapes.adjustment(event_name=event_name, identifier=identifier)
    message = f"No event of the last 24 hours has the identifier {identifier}."
    raise invalid(message, "cancel[identifier]", "resource_missing")


def usage(world: World, meter: Json, customer: str, start: int, end: int) -> Decimal:
    """Return what a meter counted for a customer from one moment until before another."""
    rows = [
        row
        for row in _rows(world, meter)
        if row["customer"] == customer
        and start <= row["timestamp"] < end
        and not row.get("canceled")
    ]
    formula = meter["default_aggregation"]["formula"]
    if formula == "count":
        return Decimal(len(rows))
    if formula == "last":
        return Decimal(max(rows, key=lambda row: row["timestamp"])["value"] if rows else 0)
    return sum((Decimal(row["value"]) for row in rows), Decimal(0))
