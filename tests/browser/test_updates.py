"""An owner reads what the bot runs, and chooses when it is updated."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.customer import Customer
from tests.browser.owners import Known, panel
from tests.browser.test_every_page import NARROW, assert_fits


def opens_updates(customer: Customer) -> None:
    panel(customer, "Bots").get_by_role("link", name=customer.slug).click()
    customer.link("Releases and updates").click()
    expect(customer.heading("Updates")).to_be_visible()


def test_an_owner_has_the_bot_updated_at_night_in_the_own_time_zone(regular: Customer) -> None:
    opens_updates(regular)
    expect(panel(regular, "Releases").get_by_text("it runs the newest")).to_be_visible()
    expect(panel(regular, "Releases").get_by_text(re.compile("sha256:"))).to_be_visible()

    regular.page.get_by_text("At night", exact=True).click()
    regular.page.get_by_label("Hour of the day").fill("4")
    regular.page.get_by_label("Time zone").fill("Mars/Olympus")
    regular.button("Save").click()
    expect(regular.page.get_by_text("is no time zone")).to_be_visible()
    regular.page.get_by_label("Time zone").fill("Asia/Tokyo")
    regular.button("Save").click()
    expect(regular.page.get_by_text("Saved")).to_be_visible()

    regular.page.reload()
    expect(regular.page.get_by_label("Hour of the day")).to_have_value("4")
    expect(regular.page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")


def test_the_page_fits_a_narrow_screen(visit: Visit, known: Known) -> None:
    customer = visit(viewport=NARROW, storage_state=known.session)
    customer.slug = known.person.slug
    customer.goes_to(known.path)
    opens_updates(customer)
    expect(panel(customer, "When it is updated")).to_be_visible()
    assert_fits(customer)
