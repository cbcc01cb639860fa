"""Previews of invoices, and subscriptions with several items."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.control import FAILING_CARD, SandboxControl

MONTH = timedelta(days=31, hours=1)


@pytest.fixture
def priced(api: Any, price: Any) -> Callable[..., Any]:
    """Make another price of the small bot."""

    def make(amount: int, interval: str = "month") -> Any:
        form = {"product": price["product"], "currency": "usd", "unit_amount": amount}
        return api.made("prices", {**form, "recurring[interval]": interval})

    return make


def _change(subscription: Any, price: Any, prefix: str = "items") -> dict[str, Any]:
    return {
        f"{prefix}[0][id]": subscription["items"]["data"][0]["id"],
        f"{prefix}[0][price]": price["id"],
    }


def _preview(api: Any, subscription: Any, **more: Any) -> Any:
    named = {"customer": subscription["customer"], "subscription": subscription["id"]}
    return api.made("invoices/create_preview", {**named, **more})


def _world(api: Any) -> tuple[Any, ...]:
    paths = ("subscriptions", "invoices", "customers", "payment_intents")
    return (*(api.get(path)["data"] for path in paths), api.event_types())


def test_a_preview_of_the_renewal_shows_the_next_period(
    api: Any, subscribe: Callable[..., Any]
) -> None:
    subscription = subscribe()
    invoice = _preview(api, subscription)
    (line,) = invoice["lines"]["data"]
    ends = subscription["items"]["data"][0]["current_period_end"]
    assert invoice["id"].startswith("upcoming_in_")
    assert (invoice["amount_due"], invoice["billing_reason"]) == (900, "upcoming")
    assert (invoice["created"], line["period"]["start"]) == (ends, ends)


def test_a_preview_says_what_an_upgrade_costs_now_and_changes_nothing(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any], priced: Callable[..., Any]
) -> None:
    subscription, larger = subscribe(), priced(1900)
    control.advance_clock(timedelta(days=15))
    details = _change(subscription, larger, "subscription_details[items]")
    details["subscription_details[proration_behavior]"] = "always_invoice"
    before = _world(api)
    preview = _preview(api, subscription, **details)
    assert _world(api) == before
    assert 0 < preview["amount_due"] < 1000
    change = {**_change(subscription, larger), "proration_behavior": "always_invoice"}
    changed = api.made(f"subscriptions/{subscription['id']}", change)
    invoice = api.get(f"invoices/{changed['latest_invoice']}")
    assert abs(invoice["amount_paid"] - preview["amount_due"]) <= 1
    assert invoice["billing_reason"] == "subscription_update"


def test_a_preview_without_always_invoice_is_the_renewal_with_the_prorations(
    api: Any, subscribe: Callable[..., Any], priced: Callable[..., Any]
) -> None:
    subscription = subscribe()
    details = _change(subscription, priced(1900), "subscription_details[items]")
    amounts = [line["amount"] for line in _preview(api, subscription, **details)["lines"]["data"]]
    assert amounts == [-900, 1900, 1900]


def test_a_preview_of_a_subscription_that_ends_is_refused(
    api: Any, subscribe: Callable[..., Any]
) -> None:
    subscription = subscribe()
    api.made(f"subscriptions/{subscription['id']}", {"cancel_at_period_end": "true"})
    answer = api.post("invoices/create_preview", {"subscription": subscription["id"]})
    assert answer.json()["error"]["code"] == "invoice_upcoming_none"


def test_a_preview_of_a_new_subscription_needs_only_prices(api: Any, price: Any) -> None:
    customer = api.made("customers")["id"]
    form = {"customer": customer, "subscription_details[items][0][price]": price["id"]}
    invoice = api.made(
        "invoices/create_preview", {**form, "subscription_details[items][0][quantity]": 3}
    )
    assert (invoice["total"], invoice["currency"]) == (2700, "usd")
    assert api.get("subscriptions")["data"] == []


def test_a_downgrade_leaves_a_credit_that_the_renewal_uses(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any], priced: Callable[..., Any]
) -> None:
    subscription = subscribe()
    change = {**_change(subscription, priced(400)), "proration_behavior": "always_invoice"}
    api.made(f"subscriptions/{subscription['id']}", change)
    assert api.get(f"customers/{subscription['customer']}")["balance"] == -500
    assert _preview(api, subscription)["amount_due"] == 0
    control.advance_clock(MONTH)
    assert api.get(f"customers/{subscription['customer']}")["balance"] == -100


def test_an_add_on_is_bought_with_the_plan_at_checkout(
    api: Any, subscribe: Callable[..., Any], priced: Callable[..., Any]
) -> None:
    extra = {"line_items[1][price]": priced(300)["id"], "line_items[1][quantity]": 2}
    subscription = subscribe(**extra)
    assert [item["quantity"] for item in subscription["items"]["data"]] == [1, 2]
    assert api.get(f"invoices/{subscription['latest_invoice']}")["amount_paid"] == 1500


def test_an_add_on_is_added_and_removed_for_the_rest_of_the_period(
    api: Any, subscribe: Callable[..., Any], priced: Callable[..., Any]
) -> None:
    path = f"subscriptions/{subscribe()['id']}"
    add = {"items[0][price]": priced(300)["id"], "items[0][quantity]": 2}
    grown = api.made(path, {**add, "proration_behavior": "always_invoice"})
    assert [item["quantity"] for item in grown["items"]["data"]] == [1, 2]
    assert api.get(f"invoices/{grown['latest_invoice']}")["amount_paid"] == 600
    remove = {"items[0][id]": grown["items"]["data"][1]["id"], "items[0][deleted]": "true"}
    shrunk = api.made(path, {**remove, "proration_behavior": "none"})
    assert [item["quantity"] for item in shrunk["items"]["data"]] == [1]


def test_items_have_an_api_of_their_own(
    api: Any, subscribe: Callable[..., Any], priced: Callable[..., Any]
) -> None:
    subscription, extra = subscribe(), priced(300)
    form = {"subscription": subscription["id"], "price": extra["id"], "quantity": 1}
    item = api.made("subscription_items", form)
    assert api.made(f"subscription_items/{item['id']}", {"quantity": 4})["quantity"] == 4
    assert api.delete(f"subscription_items/{item['id']}").json()["deleted"] is True
    assert len(api.get(f"subscriptions/{subscription['id']}")["items"]["data"]) == 1


def test_items_that_cannot_be_on_one_subscription_are_refused(
    api: Any, price: Any, subscribe: Callable[..., Any], priced: Callable[..., Any]
) -> None:
    subscription = subscribe()
    path, item = f"subscriptions/{subscription['id']}", subscription["items"]["data"][0]["id"]
    refused = [
        {"items[0][price]": price["id"]},
        {"items[0][price]": priced(9000, "year")["id"]},
        {"items[0][id]": item, "items[0][deleted]": "true"},
        {"items[0][id]": item, "items[0][quantity]": -1},
    ]
    assert [api.post(path, form).status_code for form in refused] == [400] * 4
    assert api.get(path)["items"]["data"] == subscription["items"]["data"]


def test_a_change_to_a_yearly_price_begins_a_year_at_once(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any], priced: Callable[..., Any]
) -> None:
    subscription = subscribe()
    control.advance_clock(timedelta(days=10))
    changed = api.made(
        f"subscriptions/{subscription['id']}", _change(subscription, priced(9000, "year"))
    )
    item = changed["items"]["data"][0]
    invoice = api.get(f"invoices/{changed['latest_invoice']}")
    unused, year = [line["amount"] for line in invoice["lines"]["data"]]
    assert item["current_period_end"] - item["current_period_start"] >= 365 * 86_400
    assert -900 < unused < 0
    assert (year, invoice["amount_paid"]) == (9000, 9000 + unused)


def test_a_change_that_the_card_would_not_pay_is_refused_when_asked_to(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any], priced: Callable[..., Any]
) -> None:
    subscription = subscribe()
    control.set_card(subscription["customer"], FAILING_CARD)
    change = {**_change(subscription, priced(1900)), "proration_behavior": "always_invoice"}
    path = f"subscriptions/{subscription['id']}"
    before = api.get(path)
    answer = api.post(path, {**change, "payment_behavior": "error_if_incomplete"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "card_declined")
    assert api.get(path) == before


def test_a_trial_is_made_longer(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    trial = subscribe(**{"subscription_data[trial_period_days]": 7})
    longer = trial["trial_end"] + 10 * 86_400
    moved = api.made(f"subscriptions/{trial['id']}", {"trial_end": longer})
    assert moved["items"]["data"][0]["current_period_end"] == longer
    control.advance_clock(timedelta(days=8))
    assert api.get(f"subscriptions/{trial['id']}")["status"] == "trialing"
    control.advance_clock(timedelta(days=10))
    assert api.get(f"subscriptions/{trial['id']}")["status"] == "active"
