"""What time does to subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.control import FAILING_CARD, GOOD_CARD, SandboxControl
from sandbox.stripe.flows.calendar import boundary

MONTH = timedelta(days=31, hours=1)


def _period(subscription: Any) -> tuple[int, int]:
    item = subscription["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def test_a_period_renews_and_is_paid(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    first = subscribe()
    control.advance_clock(MONTH)
    renewed = api.get(f"subscriptions/{first['id']}")
    invoice = api.get(f"invoices/{renewed['latest_invoice']}")
    assert _period(renewed)[0] == _period(first)[1]
    assert (invoice["status"], invoice["billing_reason"]) == ("paid", "subscription_cycle")


def test_a_renewal_that_fails_is_retried_and_ends_the_subscription(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    subscription = subscribe()
    control.set_card(subscription["customer"], FAILING_CARD)
    control.advance_clock(MONTH)
    assert api.get(f"subscriptions/{subscription['id']}")["status"] == "past_due"
    assert api.get(f"customers/{subscription['customer']}")["delinquent"] is True
    control.advance_clock(timedelta(days=16))
    ended = api.get(f"subscriptions/{subscription['id']}")
    assert ended["status"] == "canceled"
    assert ended["cancellation_details"]["reason"] == "payment_failed"
    assert api.event_types().count("invoice.payment_failed") == 4


def test_a_new_card_brings_a_late_subscription_back(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    subscription = subscribe()
    control.set_card(subscription["customer"], FAILING_CARD)
    control.advance_clock(MONTH)
    control.set_card(subscription["customer"], GOOD_CARD)
    control.advance_clock(timedelta(days=3, hours=1))
    back = api.get(f"subscriptions/{subscription['id']}")
    assert back["status"] == "active"
    assert api.get(f"invoices/{back['latest_invoice']}")["status"] == "paid"


@pytest.mark.parametrize("end", ["unpaid", "past_due"])
def test_the_account_may_keep_what_is_never_paid(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any], end: str
) -> None:
    control.change_settings(unpaid_end=end, retry_after_seconds=[3600])
    subscription = subscribe()
    control.set_card(subscription["customer"], FAILING_CARD)
    control.advance_clock(MONTH + timedelta(hours=2))
    assert api.get(f"subscriptions/{subscription['id']}")["status"] == end


def test_a_trial_announces_its_end_and_becomes_a_paid_period(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    trial = subscribe(**{"subscription_data[trial_period_days]": 7})
    control.advance_clock(timedelta(days=4, hours=1))
    assert api.event_types()[-1] == "customer.subscription.trial_will_end"
    control.advance_clock(timedelta(days=3))
    paying = api.get(f"subscriptions/{trial['id']}")
    assert paying["status"] == "active"
    assert api.get(f"invoices/{paying['latest_invoice']}")["amount_paid"] == 900


def test_a_short_trial_announces_its_end_at_once(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    subscribe(**{"subscription_data[trial_period_days]": 2})
    control.advance_clock(timedelta(seconds=1))
    assert api.event_types().count("customer.subscription.trial_will_end") == 1


def test_a_renewal_is_announced_a_week_before_and_once(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    subscription = subscribe()
    renews = _period(subscription)[1]
    control.advance_clock(timedelta(seconds=renews - control.now() - 8 * 86_400))
    assert "invoice.upcoming" not in api.event_types()
    control.advance_clock(timedelta(days=2))
    (event,) = api.get("events", type="invoice.upcoming")["data"]
    invoice = event["data"]["object"]
    assert "id" not in invoice
    assert (invoice["amount_due"], invoice["created"]) == (900, renews)
    assert invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
    assert len(api.get("invoices")["data"]) == 1


def test_a_subscription_that_ends_announces_no_renewal(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    path = f"subscriptions/{subscribe()['id']}"
    api.made(path, {"cancel_at_period_end": "true"})
    control.advance_clock(MONTH)
    assert api.get(path)["status"] == "canceled"
    assert api.get("events", type="invoice.upcoming")["data"] == []


def test_a_trial_that_ends_on_a_failing_card_is_past_due(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    trial = subscribe(card=FAILING_CARD, **{"subscription_data[trial_period_days]": 7})
    control.advance_clock(timedelta(days=7, hours=1))
    assert api.get(f"subscriptions/{trial['id']}")["status"] == "past_due"


def test_a_scheduled_cancellation_ends_at_the_period_and_not_before(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    subscription = subscribe()
    path = f"subscriptions/{subscription['id']}"
    api.made(path, {"cancel_at_period_end": "true"})
    control.advance_clock(timedelta(days=27))
    assert api.get(path)["status"] == "active"
    control.advance_clock(timedelta(days=5))
    assert api.get(path)["status"] == "canceled"
    assert len(api.get("invoices")["data"]) == 1


def test_a_change_of_price_is_prorated_on_the_next_invoice(
    api: Any, control: SandboxControl, price: Any, subscribe: Callable[..., Any]
) -> None:
    form = {"product": price["product"], "currency": "usd", "unit_amount": 1900}
    larger = api.made("prices", {**form, "recurring[interval]": "month"})
    subscription = subscribe()
    item = subscription["items"]["data"][0]["id"]
    change = {"items[0][id]": item, "items[0][price]": larger["id"]}
    changed = api.made(f"subscriptions/{subscription['id']}", change)
    assert changed["items"]["data"][0]["price"]["id"] == larger["id"]
    control.advance_clock(MONTH)
    renewed = api.get(f"subscriptions/{subscription['id']}")
    lines = api.get(f"invoices/{renewed['latest_invoice']}")["lines"]["data"]
    assert [line["amount"] for line in lines] == [-900, 1900, 1900]


def test_drafts_may_wait_an_hour_as_real_ones_do(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    control.change_settings(draft_seconds=3600)
    subscription = subscribe()
    period_end = _period(subscription)[1]
    control.advance_clock(timedelta(seconds=period_end - control.now() + 60))
    latest = api.get(f"subscriptions/{subscription['id']}")["latest_invoice"]
    assert api.get(f"invoices/{latest}")["status"] == "draft"
    control.advance_clock(timedelta(hours=1))
    assert api.get(f"invoices/{latest}")["status"] == "paid"


def test_events_older_than_thirty_days_are_no_longer_listed(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    subscribe()
    assert "checkout.session.completed" in api.event_types()
    control.advance_clock(timedelta(days=31))
    assert "checkout.session.completed" not in api.event_types()


def test_a_subscription_begun_on_the_31st_renews_on_the_last_day_of_shorter_months() -> None:
    anchor = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp())
    monthly = {"interval": "month", "interval_count": 1}
    days = [
        datetime.fromtimestamp(boundary(anchor, monthly, periods), UTC).strftime("%m-%d")
        for periods in range(1, 5)
    ]
    assert days == ["02-28", "03-31", "04-30", "05-31"]
