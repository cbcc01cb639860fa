"""Signing in by way of Authentik, with its pages and ours as people see them."""

from typing import Any

import httpx
from playwright.sync_api import expect

from tests.browser.customer import PASSWORD, Customer


def known_at_authentik(stack: dict[str, Any], email: str) -> None:
    environment = stack["environment"]
    bearer = {"Authorization": f"Bearer {environment['AUTHENTIK_API_TOKEN']}"}
    with httpx.Client(base_url=f"{environment['AUTHENTIK_URL']}/api/v3", headers=bearer) as api:
        person = {"username": email, "name": "Dana Doe", "email": email}
        pk = api.post("/core/users/", json=person).raise_for_status().json()["pk"]
        api.post(f"/core/users/{pk}/set_password/", json={"password": PASSWORD}).raise_for_status()


def test_a_person_signs_in_by_single_sign_on_and_out_again(customer: Customer) -> None:
    known_at_authentik(customer.stack, customer.email)
    customer.goes_to("/login?next=%2Faccount")
    customer.button("Sign in with single sign-on").click()
    expect(customer.heading("Log in to Authentik")).to_be_visible()
    customer.page.get_by_label("E-mail or user name").fill(customer.email)
    customer.page.get_by_label("Password").fill(PASSWORD)
    customer.button("Log in").click()

    expect(customer.heading("Your account")).to_be_visible()
    expect(customer.page.get_by_text(customer.email).first).to_be_visible()
    customer.button("Sign out").click()
    expect(customer.link("Create your account")).to_be_visible()


def test_an_account_with_a_password_is_opened_by_single_sign_on_once_connected(
    customer: Customer,
) -> None:
    known_at_authentik(customer.stack, customer.email)
    customer.signs_up()
    customer.button("Sign out").click()
    customer.goes_to("/login")
    signs_in_there(customer)
    expect(customer.page.get_by_role("alert")).to_contain_text("connect single sign-on")

    customer.page.get_by_label("E-mail address").fill(customer.email)
    customer.page.get_by_label("Password", exact=True).fill(PASSWORD)
    customer.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(customer.button("Sign out")).to_be_visible()
    customer.goes_to("/account")
    customer.button("Connect single sign-on").click()
    expect(customer.heading("Your account")).to_be_visible()
    customer.button("Sign out").click()
    customer.goes_to("/login")
    customer.button("Sign in with single sign-on").click()
    expect(customer.button("Sign out")).to_be_visible()


def signs_in_there(customer: Customer) -> None:
    customer.button("Sign in with single sign-on").click()
    customer.page.get_by_label("E-mail or user name").fill(customer.email)
    customer.page.get_by_label("Password").fill(PASSWORD)
    customer.button("Log in").click()
