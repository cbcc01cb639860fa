"""A bot under its platform name and under a domain of the customer's own, in a real browser."""

import json
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visit
from tests.browser.customer import BUILT, Customer


def set_record(stack: dict[str, Any], name: str, kind: str, value: str) -> None:
    """The customer goes to where the DNS of their domain is managed."""
    control = stack["environment"]["SANDBOX_NAMESERVER_URL"]
    httpx.put(f"{control}/{name}/{kind}", json=[value]).raise_for_status()


def row(page: Page, kind: str) -> list[str]:
    """Name and value of a record, as the page tells them."""
    cells = page.get_by_role("row").filter(has=page.get_by_text(kind, exact=True))
    return [text.strip() for text in cells.locator(".breakable").all_inner_texts()]


def popup_of(customer: Customer, link: Locator) -> Page:
    with customer.page.expect_popup(timeout=BUILT) as popup:
        link.click()
    popup.value.wait_for_load_state()
    return popup.value


def test_a_bot_opens_under_its_platform_name_and_under_a_domain_of_the_customers(
    customer: Customer, live_stack: dict[str, Any]
) -> None:
    page, domain = customer.page, f"chat.{uuid4().hex[:8]}.localhost"
    customer.owns_a_running_bot()
    platform = popup_of(customer, customer.link("Open your bot"))
    assert platform.url.startswith(f"https://{customer.slug}.")
    assert json.loads(platform.locator("body").inner_text())["name"] == "wopr"

    customer.link("Dashboard").click()
    page.get_by_role("region", name="Bots").get_by_role("link", name=customer.slug).click()
    customer.link("Custom domains").click()
    expect(page.get_by_text("No domain yet")).to_be_visible()
    page.get_by_label("Host name").fill(domain)
    customer.button("Add the domain").click()
    panel = page.get_by_role("region", name=domain)
    expect(panel.get_by_text(f"{domain} leads nowhere yet.")).to_be_visible(timeout=BUILT)

    for kind in ("TXT", "CNAME"):
        name, value = row(page, kind)
        set_record(live_stack, name, kind, value)
    customer.button("Check now").click()
    opened = popup_of(customer, customer.link(f"Open {domain}"))

    assert opened.url.startswith(f"https://{domain}:")
    assert json.loads(opened.locator("body").inner_text())["name"] == "wopr"
    expect(panel.locator("[data-state=active]")).to_be_visible()
    expect(customer.link("Guide (PDF)")).to_be_visible(timeout=BUILT)

    customer.button("Remove").click()
    customer.button("Remove the domain").click()
    expect(page.get_by_text("No domain yet")).to_be_visible(timeout=BUILT)
    opened.reload()
    expect(opened.get_by_text("No bot here")).to_be_visible()


def test_a_name_that_is_the_platforms_is_refused_beside_its_field(visit: Visit) -> None:
    customer = visit()
    customer.owns_a_running_bot()
    customer.link("Dashboard").click()
    region = customer.page.get_by_role("region", name="Bots")
    region.get_by_role("link", name=customer.slug).click()
    customer.link("Custom domains").click()
    customer.page.get_by_label("Host name").fill("somebody.bots.localhost")
    customer.button("Add the domain").click()

    expect(customer.page.get_by_text("belongs to this platform")).to_be_visible()
    expect(customer.page.get_by_label("Host name")).to_have_attribute("aria-invalid", "true")
