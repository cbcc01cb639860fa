"""A customer watches the bot at work: its log as it is written, what it uses, what happened."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.customer import Customer


@pytest.fixture
def owner(customer: Customer) -> Customer:
    """At the page of a bot that runs."""
    customer.owns_a_running_bot()
    customer.goes_to("/")
    customer.link(customer.slug).first.click()
    expect(customer.page.get_by_role("region", name="Limits")).to_be_visible()
    return customer


ASK = """path => {
  const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
  return fetch(path, { method: "POST", headers: { "X-CSRFToken": token } }).then((it) => it.status);
}"""


def restart(owner: Customer) -> None:
    """Asks for a restart as the bot's page does; the new container says that it listens."""
    found = re.search(r"/instances/[0-9a-f-]{36}", owner.page.url)
    assert found
    assert owner.page.evaluate(ASK, f"/api/v1{found[0]}/restart") == 202


def test_a_line_appears_while_the_bot_writes_it(owner: Customer) -> None:
    page = owner.page
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible(timeout=30_000)
    log = page.get_by_role("log")
    expect(log).to_contain_text("listening on")
    expect(log).not_to_contain_text("\x1b")

    restart(owner)

    expect(log.get_by_text("listening on")).to_have_count(2, timeout=60_000)
    page.get_by_label("Search the log").fill("no such word")
    expect(page.get_by_text("No line has this")).to_be_visible()
    page.get_by_label("Search the log").fill("LISTENING")
    expect(log.get_by_text("listening on")).to_have_count(2)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused: new lines wait.")).to_be_visible()


def test_what_the_bot_uses_is_drawn_and_told(owner: Customer) -> None:
    page = owner.page
    page.get_by_role("link", name="Use and events").click()
    chart = page.get_by_role("img", name=re.compile(r"^Memory: Now \d+ MB of \d"))
    expect(chart).to_be_visible(timeout=90_000)
    expect(page.get_by_role("table", name="Events")).to_contain_text("Started")
    page.get_by_text("Show the numbers of Memory").click()
    expect(page.get_by_role("table", name="Memory")).to_contain_text("MB")
