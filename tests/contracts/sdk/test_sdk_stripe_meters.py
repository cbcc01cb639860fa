"""Stripe's own SDK: usage, from the event to the renewal's invoice."""

from __future__ import annotations

import pytest
import stripe

from sandbox.control import SandboxControl

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture
def sdk_meter(sdk_stripe: stripe.StripeClient, fresh: SandboxControl) -> stripe.billing.Meter:
    return sdk_stripe.v1.billing.meters.create(
        {
            "display_name": "Inference tokens",
            "event_name": "inference_tokens",
            "default_aggregation": {"formula": "sum"},
        }
    )


def test_usage_is_counted_once_and_summed_up(
    sdk_stripe: stripe.StripeClient, fresh: SandboxControl, sdk_meter: stripe.billing.Meter
) -> None:
    customer = sdk_stripe.v1.customers.create({}).id
    payload = {"stripe_customer_id": customer, "value": "25"}
    event = sdk_stripe.v1.billing.meter_events.create(
        {"event_name": "inference_tokens", "payload": payload, "identifier": "event-1"}
    )
    assert (event.identifier, event.payload["value"]) == ("event-1", "25")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sdk_stripe.v1.billing.meter_events.create(
            {"event_name": "inference_tokens", "payload": payload, "identifier": "event-1"}
        )
    assert refused.value.code == "duplicate_meter_event"
    minute = fresh.now() // 60 * 60
    (summary,) = sdk_stripe.v1.billing.meters.event_summaries.list(
        sdk_meter.id, {"customer": customer, "start_time": minute - 60, "end_time": minute + 60}
    ).data
    assert summary.aggregated_value == 25


def test_a_metered_price_is_previewed_with_what_was_used(
    sdk_stripe: stripe.StripeClient,
    sdk_subscription: stripe.Subscription,
    sdk_price: stripe.Price,
    sdk_meter: stripe.billing.Meter,
) -> None:
    tokens = sdk_stripe.v1.prices.create(
        {
            "product": str(sdk_price.product),
            "currency": "usd",
            "unit_amount_decimal": "0.02",  # type: ignore[typeddict-item]
            "recurring": {"interval": "month", "usage_type": "metered", "meter": sdk_meter.id},
        }
    )
    sdk_stripe.v1.subscriptions.update(sdk_subscription.id, {"items": [{"price": tokens.id}]})
    payload = {"stripe_customer_id": str(sdk_subscription.customer), "value": "10000"}
    sdk_stripe.v1.billing.meter_events.create(
        {"event_name": "inference_tokens", "payload": payload}
    )
    preview = sdk_stripe.v1.invoices.create_preview({"subscription": sdk_subscription.id})
    assert preview.total == 900 + 200


def test_a_deactivated_meter_counts_no_more(
    sdk_stripe: stripe.StripeClient, sdk_meter: stripe.billing.Meter
) -> None:
    sdk_stripe.v1.billing.meters.deactivate(sdk_meter.id)
    active = sdk_stripe.v1.billing.meters.list({"status": "active"}).data
    assert active == []
    with pytest.raises(stripe.InvalidRequestError):
        sdk_stripe.v1.billing.meter_events.create(
            {
                "event_name": "inference_tokens",
                "payload": {"stripe_customer_id": "cus_1", "value": "1"},
            }
        )
