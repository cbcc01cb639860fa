"""What holds for every page: it fits a narrow screen, has a title, one main heading and landmarks.

That no page breaks the content security policy or writes an error is checked by `visit` itself.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.customer import Customer

NARROW = {"width": 360, "height": 740}
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNNAMED = """() => [...document.querySelectorAll("a, button, input")]
  .filter((it) => it.checkVisibility() && !it.labels?.length)
  .filter((it) => !it.textContent.trim() && !it.getAttribute("aria-label"))
  .map((it) => it.outerHTML)"""


def assert_fits(customer: Customer) -> None:
    page = customer.page
    where = page.url
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("banner")).to_have_count(1)
    expect(page.locator(".skeleton")).to_have_count(0)
    assert page.title().removesuffix("· WOPR").strip(), f"{where} has no title"
    assert page.evaluate(SIDEWAYS) <= 0, f"{where} scrolls sideways"
    assert page.evaluate(UNNAMED) == [], f"{where} has controls without a name"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_visitors_pages_fit_a_narrow_screen(visit: Visit, theme: str) -> None:
    customer = visit(viewport=NARROW, color_scheme=theme)
    for path in ("/", "/signup", "/login", "/account/reset", "/no/such/page"):
        customer.goes_to(path)
        assert_fits(customer)


def customers_pages(customer: Customer) -> Iterator[None]:
    """Each page on a customer's way, once it is shown."""
    customer.signs_up()
    yield
    customer.names_bot()
    yield
    customer.opens_checkout()
    customer.link("Back").click()
    expect(customer.button("Start again")).to_be_visible()
    yield
    customer.button("Start again").click()
    customer.pays()
    expect(customer.page.get_by_role("progressbar")).to_be_visible(timeout=30_000)
    yield
    customer.sees_running_bot()
    yield
    customer.link("Dashboard").click()
    expect(customer.page.get_by_role("region", name="Documents")).to_be_visible()
    yield
    customer.page.get_by_role("region", name="Bots").get_by_role("link", name=customer.slug).click()
    expect(customer.page.get_by_role("region", name="Limits")).to_be_visible()
    yield
    customer.page.get_by_role("region", name="Newest operation").get_by_role("link").click()
    expect(customer.page.get_by_role("progressbar")).to_be_visible()
    yield
    for path in ("/", "/account"):
        customer.goes_to(path)
        yield


def test_a_customers_pages_fit_a_narrow_screen(visit: Visit) -> None:
    customer = visit(viewport=NARROW)
    for _ in customers_pages(customer):
        assert_fits(customer)


def test_a_chosen_theme_is_remembered(customer: Customer) -> None:
    customer.goes_to("/")
    customer.button("Theme: system").click()
    expect(customer.page.locator("html")).to_have_attribute("data-theme", "dark")
    customer.page.reload()
    expect(customer.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(customer.button("Theme: dark")).to_be_visible()


def test_without_javascript_the_page_says_what_it_needs(visit: Visit) -> None:
    customer = visit(java_script_enabled=False)
    customer.goes_to("/")
    # Playwright's text selectors pass over <noscript>, even where the browser shows it.
    assert "This page needs JavaScript" in customer.page.inner_text("main")
