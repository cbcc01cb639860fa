"""Coupons, promotion codes and taxes: at checkout, on invoices, over time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.control import CheckoutRefused, SandboxControl

MONTH = timedelta(days=31, hours=1)
TAXED = {"automatic_tax[enabled]": "true"}
VAT_NUMBER = "DE123456789"  # pragma: allowlist secret


@pytest.fixture
def coupon(api: Any) -> Callable[..., Any]:
    def make(**more: Any) -> Any:
        return api.made("coupons", {"percent_off": 50, "duration": "forever", **more})

    return make


@pytest.fixture
def code(api: Any, coupon: Callable[..., Any]) -> Callable[..., Any]:
    """Make a promotion code FALL50 for a coupon of half the price."""

    def make(**more: Any) -> Any:
        promotion = {"promotion[type]": "coupon", "promotion[coupon]": coupon()["id"]}
        return api.made("promotion_codes", {**promotion, "code": "FALL50", **more})

    return make


def _totals(api: Any, subscription: Any) -> list[int]:
    invoices = api.get("invoices", subscription=subscription["id"])["data"]
    return [invoice["total"] for invoice in reversed(invoices)]


@pytest.mark.parametrize(
    "counted",
    [
        ({"duration": "forever"}, [450, 450, 450]),
        ({"duration": "once"}, [450, 900, 900]),
        ({"duration": "repeating", "duration_in_months": 2}, [450, 450, 900]),
        ({"percent_off": "", "amount_off": 250, "currency": "usd"}, [650, 650, 650]),
        ({"percent_off": 100, "duration": "once"}, [0, 900, 900]),
    ],
)
def test_a_coupon_counts_for_as_long_as_it_says(
    api: Any,
    control: SandboxControl,
    subscribe: Callable[..., Any],
    coupon: Callable[..., Any],
    counted: tuple[dict[str, Any], list[int]],
) -> None:
    terms, totals = counted
    subscription = subscribe(**{"discounts[0][coupon]": coupon(**terms)["id"]})
    control.advance_clock(2 * MONTH)
    assert _totals(api, subscription) == totals


def test_an_invoice_names_the_discount(
    api: Any, subscribe: Callable[..., Any], coupon: Callable[..., Any]
) -> None:
    made = coupon()
    subscription = subscribe(**{"discounts[0][coupon]": made["id"]})
    expand = {"expand[]": "discounts"}
    invoice = api.get(f"invoices/{subscription['latest_invoice']}", **expand)
    (discount,) = invoice["discounts"]
    assert (invoice["subtotal"], invoice["total"]) == (900, 450)
    assert invoice["total_discount_amounts"] == [{"amount": 450, "discount": discount["id"]}]
    assert discount["source"] == {"coupon": made["id"], "type": "coupon"}
    assert api.get(f"coupons/{made['id']}")["times_redeemed"] == 1
    assert api.get("charges")["data"][0]["amount"] == 450


def test_a_promotion_code_is_typed_on_the_page_and_lowers_the_total(
    api: Any, control: SandboxControl, checkout: Callable[..., Any], code: Callable[..., Any]
) -> None:
    promotion, session = code(), checkout(allow_promotion_codes="true")
    form = {"action": "update", "promotion_code": "fall50"}
    page = httpx.post(session["url"], data=form, trust_env=False).text
    assert "Due today: $4.50" in page
    assert "Discount: -$4.50" in page
    control.pay_checkout(session["url"])
    paid = api.get(f"checkout/sessions/{session['id']}")
    assert (paid["amount_subtotal"], paid["amount_total"]) == (900, 450)
    assert paid["discounts"] == [{"coupon": None, "promotion_code": promotion["id"]}]
    assert api.get(f"promotion_codes/{promotion['id']}")["times_redeemed"] == 1


def test_a_promotion_code_can_be_typed_and_paid_in_one_go(
    api: Any, control: SandboxControl, checkout: Callable[..., Any], code: Callable[..., Any]
) -> None:
    code()
    session = checkout(allow_promotion_codes="true")
    control.pay_checkout(session["url"], promotion_code="FALL50")
    assert api.get("charges")["data"][0]["amount"] == 450


@pytest.mark.parametrize("typed", ["NOPE", "FALL50"])
def test_a_wrong_or_used_up_code_is_refused_and_nothing_is_paid(
    api: Any,
    control: SandboxControl,
    checkout: Callable[..., Any],
    code: Callable[..., Any],
    typed: str,
) -> None:
    code(max_redemptions=1)
    first, second = (checkout(allow_promotion_codes="true") for _ in range(2))
    control.pay_checkout(first["url"], promotion_code="FALL50")
    with pytest.raises(CheckoutRefused) as refused:
        control.pay_checkout(second["url"], promotion_code=typed)
    assert "This code is invalid." in refused.value.page
    assert len(api.get("subscriptions")["data"]) == 1


def test_a_code_is_found_by_its_text_and_can_be_switched_off(
    api: Any, code: Callable[..., Any]
) -> None:
    made = code()
    assert api.get("promotion_codes", code="fall50")["data"] == [made]
    api.made(f"promotion_codes/{made['id']}", {"active": "false"})
    assert api.get("promotion_codes", active="true")["data"] == []


def test_codes_and_discounts_exclude_each_other(
    api: Any, coupon: Callable[..., Any], price: Any
) -> None:
    form = {
        "mode": "subscription",
        "success_url": "https://shop.example.com",
        "line_items[0][price]": price["id"],
        "line_items[0][quantity]": 1,
        "allow_promotion_codes": "true",
        "discounts[0][coupon]": coupon()["id"],
    }
    assert api.post("checkout/sessions", form).status_code == 400


def test_a_discount_is_given_to_and_taken_from_a_running_subscription(
    api: Any, subscribe: Callable[..., Any], coupon: Callable[..., Any]
) -> None:
    path = f"subscriptions/{subscribe()['id']}"
    given = api.made(path, {"discounts[0][coupon]": coupon()["id"]})
    preview = {"subscription": given["id"]}
    assert api.made("invoices/create_preview", preview)["amount_due"] == 450
    assert api.made(path, {"discounts": ""})["discounts"] == []
    assert api.made("invoices/create_preview", preview)["amount_due"] == 900
    assert "customer.discount.deleted" in api.event_types()


def test_a_proration_gives_back_what_was_paid_and_not_the_full_price(
    api: Any, subscribe: Callable[..., Any], coupon: Callable[..., Any]
) -> None:
    subscription = subscribe(**{"discounts[0][coupon]": coupon()["id"]})
    item = subscription["items"]["data"][0]["id"]
    change = {"items[0][id]": item, "items[0][quantity]": 3}
    api.made(
        f"subscriptions/{subscription['id']}", {**change, "proration_behavior": "always_invoice"}
    )
    assert _totals(api, subscription) == [450, 900]


def test_a_deleted_coupon_stays_with_those_who_have_it(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any], coupon: Callable[..., Any]
) -> None:
    made = coupon()
    subscription = subscribe(**{"discounts[0][coupon]": made["id"]})
    assert api.delete(f"coupons/{made['id']}").json()["deleted"] is True
    control.advance_clock(MONTH)
    assert _totals(api, subscription) == [450, 450]


def test_tax_comes_on_top_by_the_country_of_the_customer(
    api: Any, control: SandboxControl, checkout: Callable[..., Any]
) -> None:
    control.change_settings(tax_percent=10, tax_percents={"DE": 19})
    session = checkout(**TAXED)
    control.pay_checkout(session["url"], country="de")
    paid = api.get(f"checkout/sessions/{session['id']}")
    subscription = api.get(f"subscriptions/{paid['subscription']}")
    invoice = api.get(f"invoices/{subscription['latest_invoice']}")
    (tax,) = invoice["total_taxes"]
    assert (paid["total_details"]["amount_tax"], paid["amount_total"]) == (171, 1071)
    assert (tax["amount"], tax["taxable_amount"]) == (171, 900)
    assert (invoice["total"], invoice["total_excluding_tax"]) == (1071, 900)
    assert (invoice["automatic_tax"]["status"], invoice["status"]) == ("complete", "paid")
    assert subscription["automatic_tax"]["enabled"] is True
    assert api.get(f"tax_rates/{tax['tax_rate_details']['tax_rate']}")["percentage"] == 19
    control.advance_clock(MONTH)
    assert _totals(api, subscription) == [1071, 1071]


def test_tax_is_on_what_is_left_after_the_discount(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any], coupon: Callable[..., Any]
) -> None:
    control.change_settings(tax_percent=20)
    customer = api.made("customers", {"email": "a@example.com", "address[country]": "FR"})
    discount = {"discounts[0][coupon]": coupon()["id"]}
    subscription = subscribe(customer=customer["id"], **TAXED, **discount)
    assert _totals(api, subscription) == [540]


def test_a_price_may_include_the_tax(
    api: Any, control: SandboxControl, price: Any, subscribe: Callable[..., Any]
) -> None:
    control.change_settings(tax_percent=20)
    api.made(f"prices/{price['id']}", {"tax_behavior": "inclusive"})
    customer = api.made("customers", {"email": "a@example.com", "address[country]": "FR"})
    subscription = subscribe(customer=customer["id"], **TAXED)
    invoice = api.get(f"invoices/{subscription['latest_invoice']}")
    assert (invoice["total"], invoice["total_excluding_tax"]) == (900, 750)


@pytest.mark.parametrize(("exempt", "total"), [("none", 1071), ("reverse", 900)])
def test_reverse_charge_is_named_and_costs_nothing(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any], exempt: str, total: int
) -> None:
    control.change_settings(tax_percent=19)
    known = {"email": "a@example.com", "address[country]": "DE", "tax_exempt": exempt}
    subscription = subscribe(customer=api.made("customers", known)["id"], **TAXED)
    assert _totals(api, subscription) == [total]
    (tax,) = api.get(f"invoices/{subscription['latest_invoice']}")["total_taxes"]
    assert (tax["taxability_reason"] == "reverse_charge") is (exempt == "reverse")


def test_without_a_country_a_taxed_checkout_is_not_paid(
    control: SandboxControl, checkout: Callable[..., Any]
) -> None:
    control.change_settings(tax_percent=19)
    with pytest.raises(CheckoutRefused) as refused:
        control.pay_checkout(checkout(**TAXED)["url"])
    assert "in which country" in refused.value.page


def test_a_known_customer_without_address_needs_leave_to_be_updated(
    api: Any, control: SandboxControl, price: Any
) -> None:
    customer = api.made("customers", {"email": "a@example.com"})
    form = {
        "mode": "subscription",
        "customer": customer["id"],
        "success_url": "https://shop.example.com",
        "line_items[0][price]": price["id"],
        "line_items[0][quantity]": 1,
        **TAXED,
    }
    answer = api.post("checkout/sessions", form)
    assert answer.json()["error"]["code"] == "customer_tax_location_invalid"
    session = api.made("checkout/sessions", {**form, "customer_update[address]": "auto"})
    control.pay_checkout(session["url"], country="IT")
    assert api.get(f"customers/{customer['id']}")["address"]["country"] == "IT"


def test_a_tax_number_given_at_checkout_is_on_the_invoice(
    api: Any, control: SandboxControl, checkout: Callable[..., Any]
) -> None:
    session = checkout(**{"tax_id_collection[enabled]": "true"})
    control.pay_checkout(session["url"], business_name="Acme GmbH", tax_id=VAT_NUMBER)
    paid = api.get(f"checkout/sessions/{session['id']}")
    wanted = [{"type": "eu_vat", "value": VAT_NUMBER}]
    assert paid["customer_details"]["tax_ids"] == wanted
    assert api.get(f"invoices/{paid['invoice']}")["customer_tax_ids"] == wanted
    assert api.get(f"customers/{paid['customer']}")["name"] == "Acme GmbH"
    (kept,) = api.get(f"customers/{paid['customer']}/tax_ids")["data"]
    assert kept["value"] == VAT_NUMBER


def test_a_credit_note_gives_back_the_tax_as_well(
    api: Any, control: SandboxControl, subscribe: Callable[..., Any]
) -> None:
    control.change_settings(tax_percent=20)
    customer = api.made("customers", {"email": "a@example.com", "address[country]": "FR"})
    subscription = subscribe(customer=customer["id"], **TAXED)
    form = {"invoice": subscription["latest_invoice"], "amount": 540, "refund_amount": 540}
    note = api.made("credit_notes", form)
    assert (note["subtotal"], note["total"], note["total_taxes"][0]["amount"]) == (450, 540, 90)
