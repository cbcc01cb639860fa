"""Stripe's billing meters. Source: docs.stripe.com/api/billing/meter-event (identifier)."""

from datetime import datetime
from typing import Any

import stripe

from billing.gateways.stripe import client, translated


def meter_names() -> set[str]:
    """The event names of the active meters."""
    with translated("Stripe could not list its meters"):
        page = client().v1.billing.meters.list({"status": "active", "limit": 100})
        return {meter.event_name for meter in page.auto_paging_iter()}


def meter_create(*, event_name: str, display_name: str) -> Any:
    with translated("Stripe could not create the meter"):
        return client().v1.billing.meters.create(
            {
                "event_name": event_name,
                "display_name": display_name,
                "default_aggregation": {"formula": "sum"},
                "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
                "value_settings": {"event_payload_key": "value"},
            },
            {"idempotency_key": f"meter-{event_name}"},
        )


def report(*, event_name: str, identifier: str, customer_id: str, value: int, at: datetime) -> None:
    """Tells one use. The identifier makes it count once, however often it is told."""
    with translated("Stripe did not take the usage"):
        try:
            client().v1.billing.meter_events.create(
                {
                    "event_name": event_name,
                    "identifier": identifier,
                    "payload": {"stripe_customer_id": customer_id, "value": str(value)},
                    "timestamp": int(at.timestamp()),
                }
            )
        except stripe.InvalidRequestError as error:
            if not _is_known(error):
                raise


def _is_known(error: stripe.InvalidRequestError) -> bool:
    """An earlier try got through: Stripe refuses a second event of the same identifier."""
    return "identifier" in str(error) and "already" in str(error)
