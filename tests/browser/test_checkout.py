"""Payments that do not go through: each says what it means, charges nothing, loses nothing."""

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.customer import DECLINED_CARD, Customer


def test_a_declined_card_can_be_followed_by_a_good_one(customer: Customer) -> None:
    customer.comes_to_checkout()
    customer.pays(DECLINED_CARD)
    expect(customer.page.get_by_role("alert")).to_contain_text("declined")
    customer.pays()
    customer.sees_running_bot()


def test_a_cancelled_checkout_says_that_nothing_was_charged_and_starts_again(
    customer: Customer,
) -> None:
    customer.comes_to_checkout()
    customer.link("Back").click()
    expect(customer.heading("You cancelled the payment")).to_be_visible()
    expect(customer.page.get_by_text("Nothing was charged")).to_be_visible()
    customer.button("Start again").click()
    expect(customer.page.get_by_label("Card number")).to_be_visible()


def test_a_stale_checkout_says_so_and_starts_again(customer: Customer) -> None:
    customer.comes_to_checkout()
    stale = customer.page.url
    expire_session(customer, stale)
    customer.link("Back").click()
    expect(customer.heading("This checkout has expired")).to_be_visible(timeout=60_000)
    customer.button("Start again").click()
    expect(customer.page.get_by_label("Card number")).to_be_visible()
    assert customer.page.url != stale


def test_a_customer_with_a_plan_is_not_sold_another(customer: Customer) -> None:
    customer.owns_a_running_bot()
    customer.link("Dashboard").click()
    expect(customer.heading("A bot for a test")).to_be_visible()
    customer.page.goto(f"{customer.page.url}/plans")
    expect(customer.page.get_by_text("already has a plan")).to_be_visible()
    expect(customer.button("Go to payment")).to_have_count(0)


def test_a_checkout_of_somebody_else_is_not_shown(visit: Visit) -> None:
    alice, charlie = visit(), visit()
    alice.comes_to_checkout()
    alice.link("Back").click()
    expect(alice.heading("You cancelled the payment")).to_be_visible()
    charlie.signs_up()
    charlie.goes_to(alice.checkout_path)
    expect(charlie.page.get_by_text("This checkout could not be read")).to_be_visible()


def expire_session(customer: Customer, url: str) -> None:
    """Ends the session at Stripe, as a day of waiting would."""
    environment = customer.stack["environment"]
    session = next(part for part in url.split("/") if part.startswith("cs_")).split("?")[0]
    httpx.post(
        f"{environment['STRIPE_API_URL']}/v1/checkout/sessions/{session}/expire",
        headers={"Authorization": f"Bearer {environment['STRIPE_SECRET_KEY']}"},
    ).raise_for_status()
