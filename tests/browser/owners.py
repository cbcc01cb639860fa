"""Owners of running bots: new ones, and one whom many tests of a module know."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.back_office import BackOffice
from tests.browser.customer import Customer
from tests.browser.watching import Watch


@pytest.fixture
def office(live_stack: dict[str, Any]) -> Iterator[BackOffice]:
    office = BackOffice(live_stack)
    yield office
    office.close()


@pytest.fixture
def owner(customer: Customer) -> Customer:
    """Has a running bot on the Starter plan, and looks at its first page."""
    customer.owns_a_running_bot()
    customer.link("Dashboard").click()
    expect(customer.heading("A bot for a test")).to_be_visible()
    return customer


@dataclass
class Known:
    """An owner whom many tests know: what they change, they change back."""

    person: Customer
    path: str
    session: Any


@pytest.fixture(scope="module")
def known(live_stack: dict[str, Any], chromium: Browser) -> Iterator[Known]:
    window = chromium.new_context(ignore_https_errors=True, locale="en-GB")
    person = Customer(window.new_page(), live_stack, Watch(window))
    person.owns_a_running_bot()
    person.link("Dashboard").click()
    expect(person.heading("A bot for a test")).to_be_visible()
    yield Known(person, tenant_path(person), window.storage_state())
    window.close()


@pytest.fixture
def regular(visit: Callable[..., Customer], known: Known) -> Customer:
    """The owner whom many tests know, at the first page of the bot in a new window."""
    return at_home(visit(storage_state=known.session), known)


def at_home(customer: Customer, known: Known) -> Customer:
    customer.email, customer.slug = known.person.email, known.person.slug
    customer.goes_to(known.path)
    expect(customer.heading("A bot for a test")).to_be_visible()
    return customer


def opens(customer: Customer, tab: str) -> None:
    customer.page.get_by_role("navigation", name="Pages of this bot").get_by_text(tab).click()
    expect(customer.heading(tab)).to_be_visible()


def tenant_path(customer: Customer) -> str:
    found = re.search(r"/tenants/[0-9a-f-]{36}", customer.page.url)
    assert found, f"{customer.page.url} is no page of a tenant"
    return found[0]


def panel(customer: Customer, name: str) -> Locator:
    return customer.page.get_by_role("region", name=name)
