"""Naming a bot: what is wrong is said beside the field, while the customer types."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.customer import Customer


@pytest.mark.parametrize(
    ("slug", "reason"),
    [
        ("admin", "“admin” is reserved. Choose another name."),
        ("a", "Use 3 to 40 characters."),
        ("1st-bot", "begin with a letter"),
        ("two--hyphens", "Two hyphens in a row are not allowed."),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_its_reason(
    customer: Customer, slug: str, reason: str
) -> None:
    customer.signs_up()
    customer.types_name(slug)
    address = customer.page.get_by_label("Address", exact=True)
    expect(customer.page.locator("#slug-note")).to_contain_text(reason)
    expect(address).to_have_attribute("aria-invalid", "true")

    customer.button("Take this name").click()
    expect(customer.page.locator("#slug-note")).to_contain_text(reason)
    expect(address).to_be_focused()
    expect(customer.heading("Name your bot")).to_be_visible()


def test_a_name_that_somebody_has_is_taken_for_everybody_else(visit: Visit) -> None:
    alice, charlie = visit(), visit()
    alice.signs_up()
    alice.names_bot()
    charlie.signs_up()
    charlie.types_name(alice.slug)
    expect(charlie.page.locator("#slug-note")).to_contain_text("taken")
    charlie.button("Take this name").click()
    expect(charlie.page.locator("#slug-note")).to_contain_text("taken")
    charlie.names_bot()


def test_the_address_follows_the_name_until_it_is_typed(customer: Customer) -> None:
    customer.signs_up()
    address = customer.page.get_by_label("Address", exact=True)
    customer.page.get_by_label("Name", exact=True).fill("Müller & Söhne 2")
    expect(address).to_have_value("muller-sohne-2")
    address.fill("muller")
    customer.page.get_by_label("Name", exact=True).fill("Another name")
    expect(address).to_have_value("muller")
