"""Billing meters, what they are told, and what they sum up."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.objects import new_id
from sandbox.types import Json


def meter(now: int, *, display_name: str, event_name: str, **fields: Any) -> Json:
    """Return an active meter."""
    return {
        "id": new_id("mtr_test", 32),
        "object": "billing.meter",
        "created": now,
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "default_aggregation": {"formula": "sum"},
        "display_name": display_name,
        "event_name": event_name,
        "event_time_window": None,
        "livemode": False,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": now,
        "value_settings": {"event_payload_key": "value"},
        **fields,
    }


def event(now: int, *, event_name: str, identifier: str, payload: Json, timestamp: int) -> Json:
    """Return what a meter was told."""
    return {
        "object": "billing.meter_event",
        "created": now,
        "event_name": event_name,
        "identifier": identifier,
        "livemode": False,
        "payload": payload,
        "timestamp": timestamp,
    }


def adjustment(*, event_name: str, identifier: str) -> Json:
    """Return the cancellation of one event."""
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": event_name,
        "livemode": False,
        "status": "complete",
        "type": "cancel",
    }


def summary(*, meter: str, value: float, start: int, end: int) -> Json:
    """Return what a meter counted for one customer in a time."""
    return {
        # The same time has the same id, so that a list can be paged through.
        "id": f"mtrusg_{meter[-8:]}_{start}_{end}",
        "object": "billing.meter_event_summary",
        "aggregated_value": value,
        "end_time": end,
        "livemode": False,
        "meter": meter,
        "start_time": start,
    }
