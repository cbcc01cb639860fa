"""From a visitor to the owner of a running bot, in a real browser on real parts."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.customer import BUILT, Customer


def test_a_visitor_becomes_the_owner_of_a_running_bot(customer: Customer) -> None:
    page = customer.page
    customer.goes_to("/")
    customer.link("Create your account").click()
    customer.signs_up()
    customer.names_bot()
    customer.opens_checkout()
    customer.pays()

    bar = page.get_by_role("progressbar")
    expect(bar).to_be_visible(timeout=30_000)
    expect(page.locator("li.step")).not_to_have_count(0)
    expect(bar).to_have_attribute("aria-valuetext", re.compile(r"^\d+ %, \w+"))

    customer.sees_running_bot()
    expect(page.locator("li.step")).to_have_count(page.locator("li.step.done").count())
    expect(page).to_have_title(f"{customer.slug} is running · WOPR")

    bot = opened_bot(customer)
    assert re.match(rf"https://{customer.slug}\.", bot.url)
    assert json.loads(bot.locator("body").inner_text())["name"] == "wopr"


def test_the_welcome_letter_can_be_downloaded(customer: Customer, tmp_path: Path) -> None:
    customer.owns_a_running_bot()
    letter, name = customer.downloads("Welcome PDF", tmp_path / "letter.pdf")
    assert letter.read_bytes().startswith(b"%PDF-")
    assert name.endswith(".pdf")


def test_progress_is_shown_even_when_no_event_stream_gets_through(customer: Customer) -> None:
    customer.page.route("**/events", lambda route: route.abort())
    customer.owns_a_running_bot()


def test_a_page_that_gets_no_answer_says_so_and_recovers(customer: Customer) -> None:
    customer.comes_to_checkout()
    customer.page.route("**/api/v1/operations/**", lambda route: route.abort())
    customer.pays()
    expect(customer.page.get_by_text("WOPR does not answer")).to_be_visible(timeout=30_000)
    customer.page.unroute_all()
    customer.sees_running_bot()


def test_provisioning_goes_on_when_the_page_is_closed_and_is_found_again(visit: Visit) -> None:
    customer = visit()
    customer.comes_to_checkout()
    customer.pays()
    expect(customer.page.get_by_role("progressbar")).to_be_visible(timeout=30_000)
    again = customer.page.context.new_page()
    path = customer.checkout_path
    customer.page.close()
    customer.page = again
    customer.goes_to(path)
    customer.sees_running_bot()


def test_the_owner_finds_bot_operation_subscription_and_document_at_home(
    customer: Customer,
) -> None:
    customer.owns_a_running_bot()
    page = customer.page
    customer.link("Dashboard").click()
    expect(page.get_by_role("region", name="Subscription")).to_contain_text("active")
    papers = page.get_by_role("region", name="Documents").get_by_role("row")
    expect(papers.filter(has_text="Welcome")).to_have_count(1)

    page.get_by_role("region", name="Bots").get_by_role("link", name=customer.slug).click()
    expect(page.get_by_text("sha256:")).to_be_visible()
    expect(page.get_by_role("region", name="Limits")).to_contain_text("MB")

    page.get_by_role("region", name="Newest operation").get_by_role("link").click()
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "100")


def opened_bot(customer: Customer) -> Page:
    with customer.page.expect_popup(timeout=BUILT) as popup:
        customer.link("Open your bot").click()
    popup.value.wait_for_load_state()
    return popup.value
