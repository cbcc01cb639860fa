"""A tenant that its owner lets go: it says so, until that is taken back."""

from playwright.sync_api import expect

from tests.browser.customer import PASSWORD, Customer
from tests.browser.owners import tenant_path


def test_a_tenant_that_ends_says_so_where_it_is_looked_at_first(customer: Customer) -> None:
    customer.signs_up()
    customer.names_bot()
    tenant = tenant_path(customer)
    customer.goes_to(f"/account/prove?next={tenant}/members")
    customer.page.get_by_label("Password", exact=True).fill(PASSWORD)
    customer.button("Go on").click()

    customer.button("Delete A bot for a test").click()
    customer.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    notice = customer.page.get_by_text("To be deleted on")
    expect(notice).to_be_visible()
    customer.goes_to(tenant)
    expect(notice).to_be_visible()

    customer.link("its owner can take that back").click()
    customer.button("Take it back").click()
    expect(customer.button("Delete A bot for a test")).to_be_visible()
    customer.goes_to(tenant)
    expect(customer.page.get_by_text("No bot yet")).to_be_visible()
    expect(notice).to_have_count(0)
