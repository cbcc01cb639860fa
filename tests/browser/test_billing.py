"""Buying, changing and ending a plan, and arrears, as a customer meets them in the dashboard."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.back_office import BackOffice
from tests.browser.customer import BUILT, GOOD_CARD, Customer
from tests.browser.owners import opens, panel, tenant_path

ROOT = Path(__file__).resolve().parents[2]
SOON = 60_000  # milliseconds; a delivery, a worker and a poll on a busy machine


def test_an_upgrade_shows_its_cost_first_and_reaches_the_running_bot(
    owner: Customer, office: BackOffice
) -> None:
    assert office.memory_mb(owner) == 256
    opens(owner, "Billing")
    owner.link("Change plan").click()
    cost = panel(owner, "What it costs")
    expect(cost).to_contain_text("This is what you have now")
    owner.page.get_by_text("Team", exact=True).click()
    owner.button("See what is due now").click()
    expect(cost).to_contain_text("Unused time on 1 × Starter")
    expect(cost.get_by_role("row", name="Due now")).to_contain_text("€20")
    expect(cost).to_contain_text("Next invoice: €29 a month")

    owner.button("Change the plan").click()
    expect(owner.page.get_by_role("dialog")).to_contain_text("€20 is charged to your card now.")
    owner.button("Change now").click()
    expect(owner.heading("You have Team now: €29 a month")).to_be_visible()
    expect(owner.page.get_by_text("Your bots have followed")).to_be_visible(timeout=BUILT)
    assert office.memory_mb(owner) == 1024
    (subscription,) = office.subscriptions(owner)
    assert len(subscription["items"]["data"]) == 1, "and no second one was opened"


def test_another_choice_puts_the_price_of_the_first_away(regular: Customer) -> None:
    opens(regular, "Billing")
    regular.link("Change plan").click()
    regular.page.get_by_role("button", name="One more: 10 GB more storage").click()
    regular.button("See what is due now").click()
    expect(regular.button("Change the plan")).to_be_visible()
    regular.page.get_by_role("button", name="One more: 10 GB more storage").click()
    expect(regular.button("Change the plan")).to_have_count(0)
    expect(panel(regular, "What it costs")).to_contain_text("10 GB more storage × 2: €15 a month")


def test_a_dialog_that_is_closed_changes_nothing(regular: Customer, office: BackOffice) -> None:
    opens(regular, "Billing")
    regular.link("Change plan").click()
    regular.page.get_by_text("Yearly", exact=True).click()
    regular.button("See what is due now").click()
    regular.button("Change the plan").click()
    expect(regular.button("Change now")).to_be_visible()
    regular.page.keyboard.press("Escape")
    expect(regular.button("Change now")).to_have_count(0)
    (subscription,) = office.subscriptions(regular)
    assert subscription["items"]["data"][0]["price"]["recurring"]["interval"] == "month"


def test_a_year_two_bots_and_an_add_on_are_paid_at_once(customer: Customer) -> None:
    customer.signs_up()
    customer.names_bot()
    customer.page.get_by_text("Yearly", exact=True).click()
    customer.page.get_by_role("button", name="One more: Bots").click()
    customer.page.get_by_label("512 MB more memory", exact=True).fill("3")
    customer.page.keyboard.press("Tab")
    order = "Starter × 2 and 512 MB more memory × 3"
    expect(customer.page.get_by_text(f"{order} for {customer.slug}: €300 a year")).to_be_visible()
    customer.opens_checkout()
    expect(customer.page.locator("body")).to_contain_text("300.00")


def test_a_cancellation_at_the_end_of_the_period_can_be_taken_back(
    regular: Customer, office: BackOffice
) -> None:
    opens(regular, "Billing")
    regular.link("Cancel the subscription").click()
    expect(regular.page.get_by_text("What they stored is kept until").first).to_be_visible()
    regular.button("Cancel the subscription").click()
    regular.button("Cancel at the end").click()
    expect(regular.heading("Billing")).to_be_visible()
    notice = regular.page.get_by_role("status").filter(has_text="Your subscription ends on")
    expect(notice).to_contain_text("then it is deleted, after a last backup")
    assert office.subscriptions(regular)[0]["cancel_at_period_end"] is True

    regular.button("Resume the subscription").click()
    expect(notice).to_have_count(0)
    expect(regular.link("Cancel the subscription")).to_be_visible()
    assert office.subscriptions(regular)[0]["cancel_at_period_end"] is False


def test_ending_now_tells_until_when_what_is_stored_is_kept(
    owner: Customer, office: BackOffice
) -> None:
    opens(owner, "Billing")
    owner.link("Cancel the subscription").click()
    owner.page.get_by_role("radio", name="Now", exact=True).check(force=True)
    owner.button("Cancel the subscription").click()
    expect(owner.page.get_by_role("dialog")).to_contain_text("is not given back")
    owner.button("Cancel now").click()
    notice = owner.page.get_by_role("status").filter(has_text="Your subscription has ended")
    expect(notice).to_contain_text(re.compile(r"is kept until \d+ \w+ \d{4}; then it is deleted"))
    expect(owner.page.get_by_text("Nothing is paid for now")).to_be_visible()
    assert office.subscriptions(owner)[0]["status"] == "canceled"
    notice.get_by_role("link", name="Choose a plan").click()
    expect(owner.button("Go to payment")).to_be_visible()


def test_arrears_are_told_on_every_page_in_the_words_of_the_letter_until_they_are_paid(
    owner: Customer, office: BackOffice
) -> None:
    path = tenant_path(owner)
    office.payment_fails(owner)
    subject = "Your payment of €9 did not go through"
    notice = owner.page.get_by_role("status").filter(has_text=subject)
    expect(notice).to_be_visible(timeout=SOON)
    told = " ".join(notice.inner_text().split())
    for words in words_of_letter("payment_failed"):
        assert words in told
    assert re.search(r"What it stored is kept until \d+ \w+ \d{4}\.", told)

    for page in ("/billing", "/usage", "/billing/change", "/billing/cancel"):
        owner.goes_to(path + page)
        expect(notice).to_be_visible()
    owner.goes_to(path)
    panel(owner, "Bots").get_by_role("link", name=owner.slug).click()
    expect(notice).to_be_visible()

    notice.get_by_role("button", name="Update payment method").click()
    owner.page.get_by_label("Card number").fill(GOOD_CARD)
    owner.button("Update payment method").click()
    expect(owner.page.get_by_text("visa ending in 4242")).to_be_visible()
    owner.page.get_by_role("row").filter(has_text="open").get_by_role("link").click()
    owner.button("Pay this invoice").click()
    owner.goes_to(f"{path}/billing")
    expect(panel(owner, "Subscription")).to_contain_text("active", timeout=SOON)
    expect(notice).to_have_count(0)


def words_of_letter(kind: str) -> list[str]:
    """What the first two paragraphs of a letter say around their names, amounts and dates."""
    template = (ROOT / "templates" / "mail" / f"{kind}.txt").read_text()
    paragraphs = template.split("\n\n")[:2]
    parts = [p.strip() for text in paragraphs for p in re.split(r"{[{%].*?[}%]}", text)]
    assert len(parts) > 3, "the letter has names, amounts and dates"
    return [part for part in parts if part]


def test_a_hold_is_told_without_its_reason_and_paying_is_not_offered(
    owner: Customer, office: BackOffice
) -> None:
    office.is_held(owner)
    owner.page.reload()
    notice = owner.page.get_by_role("alert").filter(has_text="Your bot is suspended")
    expect(notice).to_contain_text("This was not done for a missing payment.")
    expect(notice.get_by_role("button")).to_have_count(0)
    expect(owner.page.get_by_text("secret")).to_have_count(0)
