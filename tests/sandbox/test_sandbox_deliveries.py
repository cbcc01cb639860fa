"""Webhooks: signed, repeated, held back, lost, doubled."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import stripe

from sandbox.control import SandboxControl


def _types(shop: Any) -> list[str]:
    return [json.loads(payload)["type"] for _, payload in shop.heard]


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_delivery_carries_a_signature_that_the_vendors_own_code_accepts(
    api: Any, control: SandboxControl, shop: Any
) -> None:
    api.made("customers", {"email": "alice@example.com"})
    control.wait_for_deliveries()
    headers, payload = shop.heard[0]
    event = stripe.Webhook.construct_event(payload, headers["Stripe-Signature"], "whsec_sandbox")
    assert event.type == "customer.created"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload, headers["Stripe-Signature"], "whsec_other")


def test_a_refused_delivery_is_tried_again_until_it_is_accepted(
    api: Any, control: SandboxControl, shop: Any
) -> None:
    shop.answers = [500, 503]
    api.made("customers")
    (row,) = control.wait_for_deliveries()
    assert [attempt["status"] for attempt in row["attempts"]] == [500, 503, 200]
    assert row["state"] == "delivered"


def test_a_delivery_fails_for_good_when_the_retries_are_used_up(
    api: Any, control: SandboxControl, shop: Any
) -> None:
    shop.answers = [500] * 4
    api.made("customers")
    (row,) = control.wait_for_deliveries()
    assert (row["state"], len(row["attempts"])) == ("failed", 4)
    assert len(api.get("events")["data"]) == 1


def test_held_deliveries_come_out_in_the_order_that_was_asked_for(
    api: Any, control: SandboxControl, shop: Any
) -> None:
    control.hold_deliveries()
    for name in ("one", "two", "three"):
        api.made("products", {"name": name})
    assert shop.heard == []
    assert control.release_deliveries("reverse") == 3
    rows = control.wait_for_deliveries()
    names = [json.loads(payload)["data"]["object"]["name"] for _, payload in shop.heard]
    assert sorted(names) == ["one", "three", "two"]
    assert [row["id"] for row in rows] == [3, 2, 1]


def test_only_the_named_types_are_lost(api: Any, control: SandboxControl, shop: Any) -> None:
    control.drop_deliveries(["customer.*"])
    api.made("customers")
    api.made("products", {"name": "kept"})
    control.wait_for_deliveries()
    assert _types(shop) == ["product.created"]
    assert api.event_types() == ["customer.created", "product.created"]


def test_a_delivery_may_come_twice(api: Any, control: SandboxControl, shop: Any) -> None:
    control.duplicate_deliveries()
    api.made("customers")
    control.wait_for_deliveries()
    ids = [json.loads(payload)["id"] for _, payload in shop.heard]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_an_event_can_be_sent_again_later(api: Any, control: SandboxControl, shop: Any) -> None:
    api.made("customers")
    control.wait_for_deliveries()
    event = api.get("events")["data"][0]
    assert control.resend_event(event["id"]) == 1
    control.wait_for_deliveries()
    assert _types(shop) == ["customer.created"] * 2


def test_an_update_tells_what_it_changed(api: Any, control: SandboxControl, shop: Any) -> None:
    customer = api.made("customers", {"name": "Alice"})
    api.made(f"customers/{customer['id']}", {"name": "Alice Liddell"})
    event = api.get("events", type="customer.updated")["data"][0]
    assert event["data"]["previous_attributes"] == {"name": "Alice"}
    assert event["data"]["object"]["name"] == "Alice Liddell"


def test_an_endpoint_made_by_the_api_gets_only_what_it_asked_for(
    api: Any, control: SandboxControl, shop: Any
) -> None:
    form = {"url": f"{shop.url}/second", "enabled_events[0]": "product.created"}
    endpoint = api.made("webhook_endpoints", form)
    assert endpoint["secret"].startswith("whsec_")
    api.made("customers")
    api.made("products", {"name": "bot"})
    rows = control.wait_for_deliveries()
    own = [row["type"] for row in rows if row["endpoint"] == endpoint["id"]]
    assert own == ["product.created"]


def test_retries_may_wait_for_the_sandboxs_own_clock(
    api: Any, control: SandboxControl, shop: Any
) -> None:
    control.change_settings(delivery_time="sandbox", delivery_waits=[3600])
    shop.answers = [500]
    api.made("customers")
    _wait_for(lambda: control.deliveries()[0]["attempts"])
    assert control.deliveries()[0]["state"] == "pending"
    control.advance_clock(timedelta(hours=1, seconds=1))
    assert control.wait_for_deliveries()[0]["state"] == "delivered"
