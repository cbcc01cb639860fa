"""The owner of a tenant reads who of the staff looked at it."""

from playwright.sync_api import expect

from tests.browser.back_office import BackOffice
from tests.browser.customer import Customer
from tests.browser.owners import panel, tenant_path


def test_the_owner_reads_under_members_who_looks(customer: Customer, office: BackOffice) -> None:
    customer.signs_up()
    customer.names_bot()
    members = f"{tenant_path(customer)}/members"
    customer.goes_to(members)
    looks = panel(customer, "Looked at by our staff")
    expect(looks).to_contain_text("Nobody has looked")

    office.looks_as(customer)
    customer.goes_to(members)
    row = looks.get_by_role("row").filter(has_text=customer.email)
    expect(row).to_contain_text(customer.stack["staff_email"])
    expect(row).to_contain_text("looking now")
