"""Usage: meters count events once, and renewals charge for what was counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.control import SandboxControl

MONTH = timedelta(days=31, hours=1)


@pytest.fixture
def meter(api: Any) -> Any:
    form = {"display_name": "Tokens", "event_name": "tokens"}
    return api.made("billing/meters", {**form, "default_aggregation[formula]": "sum"})


@pytest.fixture
def by_use(api: Any, price: Any, meter: Any) -> Callable[..., Any]:
    """Make a metered price of the small bot."""

    def make(**worth: Any) -> Any:
        form = {
            "product": price["product"],
            "currency": "usd",
            "recurring[interval]": "month",
            "recurring[usage_type]": "metered",
            "recurring[meter]": meter["id"],
        }
        return api.made("prices", {**form, **worth})

    return make


@pytest.fixture
def report(api: Any) -> Callable[..., Any]:
    """Tell the meter of some tokens."""

    def tell(customer: str, value: object, **more: Any) -> Any:
        payload = {"payload[stripe_customer_id]": customer, "payload[value]": value}
        form = {"event_name": "tokens", **payload, **more}
        return api.post("billing/meter_events", form)

    return tell


@pytest.fixture
def user(
    subscribe: Callable[..., Any], by_use: Callable[..., Any], report: Callable[..., Any]
) -> Callable[..., Any]:
    """Buy the small bot with tokens at a price, and use some of them."""

    def use(tokens: int, **worth: Any) -> Any:
        subscription = subscribe(**{"line_items[1][price]": by_use(**worth)["id"]})
        report(subscription["customer"], tokens)
        return subscription

    return use


def _counted(api: Any, control: SandboxControl, meter: Any, customer: str) -> float:
    now = control.now() // 60 * 60
    span = {"start_time": now - 86_400, "end_time": now + 3600, "customer": customer}
    (row,) = api.get(f"billing/meters/{meter['id']}/event_summaries", **span)["data"]
    return float(row["aggregated_value"])


def _invoice(api: Any, subscription: Any) -> Any:
    latest = api.get(f"subscriptions/{subscription['id']}")["latest_invoice"]
    return api.get(f"invoices/{latest}")


def _preview(api: Any, subscription: Any) -> int:
    preview = api.made("invoices/create_preview", {"subscription": subscription["id"]})
    return int(preview["amount_due"])


def test_an_identifier_counts_once(
    api: Any, control: SandboxControl, meter: Any, report: Callable[..., Any]
) -> None:
    customer = api.made("customers")["id"]
    assert report(customer, 25, identifier="one").json()["identifier"] == "one"
    again = report(customer, 25, identifier="one")
    assert (again.status_code, again.json()["error"]["code"]) == (400, "duplicate_meter_event")
    assert "already exists with identifier one" in again.json()["error"]["message"]
    report(customer, "0.5")
    assert _counted(api, control, meter, customer) == 25.5


def test_after_a_day_an_identifier_is_no_longer_known(
    api: Any, control: SandboxControl, meter: Any, report: Callable[..., Any]
) -> None:
    customer = api.made("customers")["id"]
    report(customer, 1, identifier="one")
    control.advance_clock(timedelta(days=1, minutes=1))
    assert report(customer, 1, identifier="one").status_code == 200


def test_events_that_nobody_can_count_are_refused(
    api: Any, control: SandboxControl, meter: Any, report: Callable[..., Any]
) -> None:
    customer, now = api.made("customers")["id"], control.now()
    refused = [
        report(customer, "many"),
        report("", 1),
        report(customer, 1, timestamp=now - 36 * 86_400),
        report(customer, 1, timestamp=now + 600),
        report(customer, 1, event_name="unknown"),
    ]
    assert [answer.status_code for answer in refused] == [400] * 5
    api.made(f"billing/meters/{meter['id']}/deactivate")
    assert report(customer, 1).status_code == 400


def test_an_event_is_taken_back(
    api: Any, control: SandboxControl, meter: Any, report: Callable[..., Any]
) -> None:
    customer = api.made("customers")["id"]
    report(customer, 25, identifier="one")
    report(customer, 5)
    cancel = {"event_name": "tokens", "type": "cancel", "cancel[identifier]": "one"}
    api.made("billing/meter_event_adjustments", cancel)
    assert _counted(api, control, meter, customer) == 5


def test_summaries_come_by_the_hour_and_refuse_crooked_times(
    api: Any, control: SandboxControl, meter: Any, report: Callable[..., Any]
) -> None:
    customer, hour = api.made("customers")["id"], control.now() // 3600 * 3600
    report(customer, 3, timestamp=hour - 1)
    report(customer, 4, timestamp=hour - 3600)
    path = f"billing/meters/{meter['id']}/event_summaries"
    span = {"customer": customer, "start_time": hour - 7200, "end_time": hour}
    rows = api.get(path, **span, value_grouping_window="hour")["data"]
    assert [row["aggregated_value"] for row in rows] == [7, 0]
    crooked = {**span, "end_time": hour + 1}
    assert api.http.get(f"/v1/{path}", params=crooked).status_code == 400


@pytest.mark.parametrize(("formula", "counted"), [("count", 2), ("last", 3)])
def test_a_meter_may_count_events_or_keep_the_last(
    api: Any, control: SandboxControl, report: Callable[..., Any], formula: str, counted: int
) -> None:
    form = {"display_name": "Tokens", "event_name": "tokens"}
    meter = api.made("billing/meters", {**form, "default_aggregation[formula]": formula})
    customer, now = api.made("customers")["id"], control.now()
    report(customer, 3, timestamp=now - 60)
    report(customer, 9, timestamp=now - 120)
    assert _counted(api, control, meter, customer) == counted


def test_a_renewal_charges_for_what_was_used(
    api: Any, control: SandboxControl, user: Callable[..., Any]
) -> None:
    subscription = user(5000, unit_amount_decimal="0.05")
    assert [item.get("quantity") for item in subscription["items"]["data"]] == [1, None]
    assert _invoice(api, subscription)["total"] == 900
    assert _preview(api, subscription) == 1150
    control.advance_clock(MONTH)
    amounts = [
        (line["amount"], line["quantity"]) for line in _invoice(api, subscription)["lines"]["data"]
    ]
    assert amounts == [(250, 5000), (900, 1)]
    control.advance_clock(MONTH)
    assert _invoice(api, subscription)["total"] == 900


@pytest.mark.parametrize(
    ("mode", "used", "cost"),
    [("graduated", 100, 0), ("graduated", 150, 100), ("volume", 100, 0), ("volume", 150, 300)],
)
def test_a_price_may_have_tiers(
    api: Any, user: Callable[..., Any], mode: str, used: int, cost: int
) -> None:
    tiers = {
        "tiers[0][up_to]": 100,
        "tiers[0][unit_amount]": 0,
        "tiers[1][up_to]": "inf",
        "tiers[1][unit_amount]": 2,
    }
    subscription = user(used, billing_scheme="tiered", tiers_mode=mode, **tiers)
    assert _preview(api, subscription) == 900 + cost
    price = subscription["items"]["data"][1]["price"]["id"]
    assert api.get(f"prices/{price}", **{"expand[]": "tiers"})["tiers"][0]["up_to"] == 100


def test_a_price_may_be_for_a_pack(api: Any, user: Callable[..., Any]) -> None:
    pack = {"transform_quantity[divide_by]": 1000, "transform_quantity[round]": "up"}
    assert _preview(api, user(2001, unit_amount=30, **pack)) == 990


@pytest.mark.parametrize("at_once", [True, False])
def test_what_was_used_is_paid_for_at_the_end(
    api: Any, control: SandboxControl, user: Callable[..., Any], at_once: bool
) -> None:
    subscription = user(70, unit_amount=1)
    path = f"subscriptions/{subscription['id']}"
    if at_once:
        control.advance_clock(timedelta(hours=1))
        api.http.request("DELETE", f"/v1/{path}", params={"invoice_now": "true"})
    else:
        api.made(path, {"cancel_at_period_end": "true"})
        control.advance_clock(MONTH)
    assert api.get(path)["status"] == "canceled"
    final = _invoice(api, subscription)
    assert (final["total"], final["status"]) == (70, "paid")


def test_metered_prices_have_no_quantity_and_need_a_meter(api: Any, by_use: Any) -> None:
    customer = api.made("customers", {"payment_method": "pm_card_visa"})["id"]
    tokens = by_use(unit_amount=1)
    form = {"customer": customer, "items[0][price]": tokens["id"], "items[0][quantity]": 3}
    assert api.post("subscriptions", form).status_code == 400
    lost = {"product": tokens["product"], "currency": "usd", "unit_amount": 1}
    lost |= {"recurring[interval]": "month", "recurring[usage_type]": "metered"}
    assert api.post("prices", lost).json()["error"]["param"] == "recurring[meter]"
