"""Checkout and portal pages as a person meets them."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from sandbox.control import (
    DECLINED_CARD,
    FAILING_CARD,
    GOOD_CARD,
    CheckoutRefused,
    SandboxControl,
)


def test_paying_leads_back_to_the_shop_with_the_session_in_the_address(
    control: SandboxControl, checkout: Callable[..., Any]
) -> None:
    session = checkout()
    target = control.pay_checkout(session["url"])
    assert target == f"https://shop.example.com/done?session={session['id']}"


def test_paying_makes_an_active_subscription_with_a_paid_invoice(
    api: Any, subscribe: Callable[..., Any]
) -> None:
    subscription = subscribe(**{"subscription_data[metadata][tenant]": "acme"})
    invoice = api.get(f"invoices/{subscription['latest_invoice']}")
    assert subscription["status"] == "active"
    assert subscription["metadata"] == {"tenant": "acme"}
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", 900)
    details = invoice["parent"]["subscription_details"]
    assert details["subscription"] == subscription["id"]


def test_paying_sends_the_events_of_a_new_subscription(
    api: Any, subscribe: Callable[..., Any]
) -> None:
    subscribe()
    types = api.event_types()
    wanted = [
        "customer.created",
        "payment_method.attached",
        "customer.subscription.created",
        "invoice.finalized",
        "payment_intent.succeeded",
        "invoice.paid",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]
    assert [kind for kind in types if kind in wanted] == wanted


def test_a_declined_card_leaves_the_session_open_and_makes_nothing(
    api: Any, control: SandboxControl, checkout: Callable[..., Any]
) -> None:
    session = checkout()
    with pytest.raises(CheckoutRefused) as refused:
        control.pay_checkout(session["url"], card=DECLINED_CARD)
    assert refused.value.status == 402
    assert "Your card was declined." in refused.value.page
    assert api.get(f"checkout/sessions/{session['id']}")["status"] == "open"
    assert api.get("subscriptions", status="all")["data"] == []
    assert api.get("customers")["data"] == []
    assert control.pay_checkout(session["url"]).startswith("https://shop.example.com/done")


def test_a_paid_session_cannot_be_paid_again(
    api: Any, control: SandboxControl, checkout: Callable[..., Any]
) -> None:
    session = checkout()
    control.pay_checkout(session["url"])
    with pytest.raises(CheckoutRefused) as refused:
        control.pay_checkout(session["url"])
    assert "Already paid" in refused.value.page
    assert len(api.get("subscriptions")["data"]) == 1


def test_an_expired_session_shows_so_and_sends_the_event(
    api: Any, control: SandboxControl, checkout: Callable[..., Any]
) -> None:
    session = checkout()
    expired = api.made(f"checkout/sessions/{session['id']}/expire")
    assert (expired["status"], expired["url"]) == ("expired", None)
    with pytest.raises(CheckoutRefused) as refused:
        control.pay_checkout(session["url"])
    assert "Checkout expired" in refused.value.page
    assert api.event_types()[-1] == "checkout.session.expired"


def test_a_session_expires_by_itself_after_a_day(
    api: Any, control: SandboxControl, checkout: Callable[..., Any]
) -> None:
    session = checkout()
    control.advance_clock(timedelta(days=1, seconds=1))
    assert api.get(f"checkout/sessions/{session['id']}")["status"] == "expired"


def test_a_trial_starts_without_payment_even_on_a_card_that_will_fail(
    api: Any, subscribe: Callable[..., Any]
) -> None:
    trial = {"subscription_data[trial_period_days]": 14}
    subscription = subscribe(card=FAILING_CARD, **trial)
    assert subscription["status"] == "trialing"
    assert subscription["trial_end"] - subscription["trial_start"] == 14 * 86_400
    assert api.get(f"invoices/{subscription['latest_invoice']}")["amount_paid"] == 0


@pytest.mark.parametrize(
    ("trial", "button"), [({}, "Pay"), ({"subscription_data[trial_period_days]": 7}, "Start trial")]
)
def test_the_page_names_product_and_price_and_has_one_clear_button(
    checkout: Callable[..., Any], trial: dict[str, Any], button: str
) -> None:
    page = httpx.get(checkout(**trial)["url"], trust_env=False).text
    assert "Small bot" in page
    assert "$9.00 per" in page
    assert f'<button type="submit">{button}</button>' in page
    assert '<label for="number">Card number</label>' in page
    assert '<a href="https://shop.example.com/plans">Back</a>' in page


def test_a_line_with_an_unknown_price_is_refused_with_the_parameter_named(api: Any) -> None:
    form = {"mode": "subscription", "success_url": "https://shop.example.com"}
    items = {"line_items[0][price]": "price_nope", "line_items[0][quantity]": 1}
    answer = api.post("checkout/sessions", {**form, **items})
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["code"], error["param"]) == ("resource_missing", "line_items[0][price]")


@pytest.fixture
def portal(api: Any, subscribe: Callable[..., Any]) -> tuple[str, str]:
    """A portal page and the subscription that it shows."""
    subscription = subscribe()
    form = {"customer": subscription["customer"], "return_url": "https://shop.example.com/billing"}
    return api.made("billing_portal/sessions", form)["url"], subscription["id"]


def test_the_portal_cancels_at_the_end_of_the_period_and_takes_it_back(
    api: Any, portal: tuple[str, str]
) -> None:
    url, subscription_id = portal
    httpx.post(url, data={"action": "cancel", "subscription": subscription_id}, trust_env=False)
    canceling = api.get(f"subscriptions/{subscription_id}")
    assert canceling["cancel_at_period_end"] is True
    assert canceling["status"] == "active"
    httpx.post(url, data={"action": "resume", "subscription": subscription_id}, trust_env=False)
    assert api.get(f"subscriptions/{subscription_id}")["cancel_at_period_end"] is False


def test_the_portal_cancels_at_once(api: Any, portal: tuple[str, str]) -> None:
    url, subscription_id = portal
    httpx.post(url, data={"action": "cancel_now", "subscription": subscription_id}, trust_env=False)
    assert api.get(f"subscriptions/{subscription_id}")["status"] == "canceled"
    assert api.event_types()[-1] == "customer.subscription.deleted"


def test_the_portal_shows_why_a_card_is_refused(portal: tuple[str, str]) -> None:
    url, _ = portal
    answer = httpx.post(url, data={"action": "card", "number": DECLINED_CARD}, trust_env=False)
    assert answer.status_code == 402
    assert "Your card was declined." in answer.text


def test_an_invoice_is_a_readable_page_and_a_readable_file(
    api: Any, subscribe: Callable[..., Any]
) -> None:
    invoice = api.get(f"invoices/{subscribe()['latest_invoice']}")
    page = httpx.get(invoice["hosted_invoice_url"], trust_env=False)
    file = httpx.get(invoice["invoice_pdf"], trust_env=False)
    (text,) = [page.extract_text() for page in PdfReader(io.BytesIO(file.content)).pages]
    for shown in (page.text, text):
        assert invoice["number"] in shown
        assert "Total: $9.00" in shown


def test_an_open_invoice_is_paid_by_the_button_on_its_page_once_the_card_is_good(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    subscription = subscribe()
    control.set_card(subscription["customer"], FAILING_CARD)
    control.advance_clock(timedelta(days=32))
    (invoice,) = api.get("invoices", status="open")["data"]
    page = invoice["hosted_invoice_url"]
    assert "declined" in httpx.post(page, trust_env=False).text
    control.set_card(subscription["customer"], GOOD_CARD)
    assert "Pay this invoice" not in httpx.post(page, trust_env=False).text
    assert api.get(f"subscriptions/{subscription['id']}")["status"] == "active"
