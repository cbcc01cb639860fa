"""An owner stops, starts, backs up and restores a bot, renames it and gives it a variable."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.customer import Customer
from tests.browser.owners import Known, panel
from tests.browser.test_every_page import NARROW, assert_fits


def opens_bot(customer: Customer) -> None:
    panel(customer, "Bots").get_by_role("link", name=customer.slug).click()
    expect(panel(customer, "Operate")).to_be_visible()


def does(customer: Customer, action: str) -> None:
    """Presses the button, confirms, and sees the operation succeed."""
    # A row's button goes on with what it is about, for those who hear the page.
    customer.page.get_by_role("button", name=re.compile(f"^{action}")).first.click()
    customer.page.get_by_role("dialog").get_by_role("button", name=action).click()
    succeeds(customer)


def succeeds(customer: Customer) -> None:
    expect(customer.page).to_have_url(re.compile("/operations/"), timeout=15_000)
    bar = customer.page.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "100", timeout=90_000)
    expect(customer.page.get_by_text("succeeded").first).to_be_visible(timeout=90_000)


def returns(customer: Customer, bot: str, page: str = "") -> None:
    customer.goes_to(f"{bot}{page}")


def test_an_owner_stops_starts_backs_up_and_restores_a_bot(owner: Customer) -> None:
    home = re.sub(r"^https://[^/]+", "", owner.page.url)
    opens_bot(owner)
    bot = re.sub(r"^https://[^/]+", "", owner.page.url)

    does(owner, "Stop")
    returns(owner, bot)
    expect(owner.page.get_by_text("It is stopped", exact=True)).to_be_visible()

    does(owner, "Start")
    returns(owner, bot, "/backups")
    expect(owner.page.get_by_text("No backup yet")).to_be_visible()

    does(owner, "Back up now")
    returns(owner, bot, "/backups")
    backups = owner.page.get_by_role("table", name="Backups")
    expect(backups.get_by_text("On demand")).to_be_visible()

    does(owner, "Restore")
    returns(owner, bot, "/backups")
    expect(backups.get_by_text("Before a restore")).to_be_visible()
    returns(owner, bot)
    expect(owner.button("Stop")).to_be_visible()

    owner.goes_to(home)
    last = owner.page.get_by_role("table", name="Last backups")
    expect(last.get_by_role("link", name="Download")).to_be_visible()


def test_an_owner_names_a_bot_and_gives_it_a_variable_that_is_not_shown_again(
    owner: Customer,
) -> None:
    opens_bot(owner)
    bot = re.sub(r"^https://[^/]+", "", owner.page.url)
    returns(owner, bot, "/settings")
    owner.page.get_by_label("Name of a variable").fill("WOPR_HOME")
    owner.page.get_by_label("Value", exact=True).fill("something secret")
    owner.button("Save").click()
    expect(owner.page.get_by_text("the platform's own")).to_be_visible()

    owner.page.get_by_label("Name of a variable").fill("API_KEY")
    owner.button("Save").click()
    succeeds(owner)
    returns(owner, bot, "/settings")
    expect(panel(owner, "Variables").get_by_text("API_KEY", exact=True).first).to_be_visible()
    assert "something secret" not in owner.page.content()

    name = f"{owner.slug}-too"
    owner.page.get_by_role("textbox", name="Name", exact=True).fill(name)
    owner.button("Rename").click()
    succeeds(owner)
    returns(owner, bot)
    expect(owner.heading(name)).to_be_visible()


def test_the_pages_fit_a_narrow_screen(visit: Visit, known: Known) -> None:
    customer = visit(viewport=NARROW, storage_state=known.session)
    customer.slug = known.person.slug
    customer.goes_to(known.path)
    opens_bot(customer)
    assert_fits(customer)
    bot = re.sub(r"^https://[^/]+", "", customer.page.url)
    for page, what in (("/backups", "Backups"), ("/settings", "Variables")):
        returns(customer, bot, page)
        expect(panel(customer, what)).to_be_visible()
        assert_fits(customer)
