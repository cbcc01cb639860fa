"""What the pages of billing and usage show, to whom, and how they look before there is anything."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.back_office import BackOffice
from tests.browser.conftest import Visit
from tests.browser.customer import Customer
from tests.browser.owners import Known, at_home, opens, panel, tenant_path
from tests.browser.test_every_page import NARROW, assert_fits


def test_invoice_and_receipt_of_a_payment_are_there_to_download(
    regular: Customer, tmp_path: Path
) -> None:
    opens(regular, "Billing")
    papers = panel(regular, "Invoices, receipts and credit notes")
    expect(papers.get_by_role("row")).to_have_count(3, timeout=150_000)
    invoice, name = regular.downloads("of Invoice", tmp_path / "invoice.pdf")
    assert invoice.read_bytes().startswith(b"%PDF-")
    assert name.endswith(".pdf")


def test_a_cap_is_set_and_removed_on_the_usage_page(regular: Customer) -> None:
    opens(regular, "Usage")
    meter = panel(regular, "Inference tokens")
    expect(meter).to_contain_text("1,000,000 included, no cap")
    meter.get_by_label("Your cap for each month").fill("0")
    meter.get_by_role("button", name="Save").click()
    expect(meter).to_contain_text("cap 0")
    expect(meter.get_by_role("status")).to_contain_text("Your cap is reached")
    meter.get_by_label("Your cap for each month").fill("25000")
    meter.get_by_role("button", name="Save").click()
    expect(meter.get_by_role("meter")).to_have_attribute("aria-valuetext", "0 of 25,000 (your cap)")
    regular.page.reload()
    expect(meter).to_contain_text("cap 25,000")
    meter.get_by_role("button", name="Remove").click()
    expect(meter).to_contain_text("no cap")
    meter.get_by_text("Show the numbers").click()
    expect(meter.get_by_role("table", name="Inference tokens, day by day")).to_be_visible()


def test_a_limit_is_set_on_the_inference_budget_within_what_is_allowed(regular: Customer) -> None:
    opens(regular, "Usage")
    budget = panel(regular, "Inference budget")
    expect(budget).to_contain_text("€0.00 of €10.00 spent this month")
    budget.get_by_label("Your limit for each month").fill("12")
    budget.get_by_role("button", name="Save").click()
    expect(budget).to_contain_text("This is more than you may spend in a month")
    budget.get_by_label("Your limit for each month").fill("2.50")
    budget.get_by_role("button", name="Save").click()
    expect(budget).to_contain_text("of €2.50 spent this month")
    regular.page.reload()
    expect(budget).to_contain_text("of €2.50 spent this month")
    budget.get_by_label("Your limit for each month").fill("")
    budget.get_by_role("button", name="Save").click()
    expect(budget).to_contain_text("of €10.00 spent this month")


def test_a_member_sees_what_is_paid_and_is_offered_nothing_that_costs(
    regular: Customer, visit: Visit, office: BackOffice
) -> None:
    bob = visit()
    bob.signs_up()
    office.joins(bob, regular, "member")
    path = tenant_path(regular)
    bob.goes_to(f"{path}/billing")
    expect(panel(bob, "Subscription")).to_contain_text("Starter")
    expect(bob.page.get_by_text("Your role here is member")).to_be_visible()
    expect(bob.link("Change plan")).to_have_count(0)
    for page in ("/billing/change", "/billing/cancel"):
        bob.goes_to(path + page)
        expect(bob.page.get_by_text("Your role does not allow this")).to_be_visible()
    bob.goes_to(f"{path}/usage")
    expect(panel(bob, "Inference tokens")).to_be_visible()
    expect(panel(bob, "Inference budget")).to_contain_text("of €10.00 spent")
    expect(bob.page.get_by_label("Your cap for each month")).to_have_count(0)
    expect(bob.page.get_by_label("Your limit for each month")).to_have_count(0)


def test_a_stranger_finds_nothing_there(regular: Customer, visit: Visit) -> None:
    charlie = visit()
    charlie.signs_up()
    for page in ("/billing", "/billing/change", "/billing/cancel", "/usage"):
        charlie.goes_to(tenant_path(regular) + page)
        expect(charlie.page.get_by_text("This page could not be read")).to_be_visible()
        expect(charlie.page.get_by_text("A bot for a test")).to_have_count(0)


def test_before_the_first_payment_the_pages_say_what_to_do(customer: Customer) -> None:
    customer.signs_up()
    customer.names_bot()
    path = tenant_path(customer)
    customer.goes_to(f"{path}/billing")
    expect(customer.page.get_by_text("Nothing is paid for now")).to_be_visible()
    expect(customer.page.get_by_text("No invoice yet")).to_be_visible()
    customer.goes_to(f"{path}/billing/change")
    expect(customer.page.get_by_text("There is no subscription to change")).to_be_visible()
    customer.link("Choose a plan").click()
    expect(customer.button("Go to payment")).to_be_visible()


def test_a_page_that_cannot_be_read_says_so_and_is_read_again(customer: Customer) -> None:
    customer.signs_up()
    customer.names_bot()
    path = tenant_path(customer)
    customer.page.route("**/subscription", lambda route: route.abort())
    customer.goes_to(f"{path}/billing")
    expect(customer.page.get_by_text("This page could not be read")).to_be_visible()
    customer.page.unroute_all()
    customer.button("Try again").click()
    expect(customer.page.get_by_text("Nothing is paid for now")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_fit_a_narrow_screen(visit: Visit, known: Known, theme: str) -> None:
    window = visit(viewport=NARROW, color_scheme=theme, storage_state=known.session)
    customer = at_home(window, known)
    shown = {
        "/billing": "Invoices, receipts and credit notes",
        "/billing/change": "What it costs",
        "/usage": "MB-hours of storage",
    }
    for page, region in shown.items():
        customer.goes_to(known.path + page)
        expect(panel(customer, region)).to_be_visible()
        assert_fits(customer)
    customer.goes_to(f"{known.path}/billing/cancel")
    expect(customer.button("Cancel the subscription")).to_be_visible()
    assert_fits(customer)
