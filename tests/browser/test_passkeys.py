"""Passkeys and authenticator apps in a real browser, with Chromium's own virtual authenticator."""

from typing import Any

import pytest
from playwright.sync_api import CDPSession, expect

from sandbox.stack.second_factor import code_now
from tests.browser.conftest import Visit
from tests.browser.customer import PASSWORD, Customer, staff_signs_in
from tests.tenants.test_second_factor import code_of

# A device like a telephone: it keeps the passkey, and knows its owner by a finger or a face.
TELEPHONE = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
# As a camera does: dark modules on light ground, found in the pixels of the page itself.
DARK_SHARE = """async (image) => {
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 100;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, 100, 100);
  pen.drawImage(image, 0, 0, 100, 100);
  const pixels = pen.getImageData(0, 0, 100, 100).data;
  let dark = 0;
  for (let i = 0; i < pixels.length; i += 4) dark += pixels[i] < 128;
  return dark / 10000;
}"""


def device(customer: Customer) -> tuple[CDPSession, str]:
    """Gives the customer's window a device that can hold passkeys."""
    session = customer.page.context.new_cdp_session(customer.page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": TELEPHONE})
    return session, str(made["authenticatorId"])


def kept(session: CDPSession, authenticator: str) -> list[dict[str, Any]]:
    found = session.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})
    return list(found["credentials"])


def adds_passkey(customer: Customer) -> None:
    customer.page.get_by_label("Name of the passkey").fill(customer.slug)
    customer.button("Add a passkey").click()
    expect(customer.page.get_by_text(f"Passkey: {customer.slug}")).to_be_visible()


def proves_by_password(customer: Customer) -> None:
    customer.goes_to("/account/prove?next=%2Faccount%2Fsecurity")
    customer.page.get_by_label("Password", exact=True).fill(PASSWORD)
    customer.button("Go on").click()
    expect(customer.heading("Second factors")).to_be_visible()


def test_a_passkey_opens_the_account_without_a_password(customer: Customer) -> None:
    telephone = device(customer)
    customer.signs_up()
    proves_by_password(customer)
    adds_passkey(customer)
    (credential,) = kept(*telephone)
    assert (credential["rpId"], credential["isResidentCredential"]) == ("wopr.localhost", True)

    customer.button("Sign out").click()
    expect(customer.link("Create your account")).to_be_visible()
    customer.goes_to("/login?next=%2Faccount")
    customer.button("Sign in with a passkey").click()

    expect(customer.heading("Your account")).to_be_visible()
    expect(customer.page.get_by_text(customer.email).first).to_be_visible()
    assert kept(*telephone)[0]["signCount"] > credential["signCount"]


def test_a_device_without_our_passkey_opens_nothing(visit: Visit) -> None:
    stranger = visit()
    device(stranger)
    stranger.goes_to("/login")
    stranger.button("Sign in with a passkey").click()
    expect(stranger.page.get_by_role("alert")).to_contain_text("No passkey was used")
    stranger.goes_to("/account")
    expect(stranger.heading("Sign in")).to_be_visible()


def test_the_password_alone_does_not_do_where_there_is_a_passkey(customer: Customer) -> None:
    session, telephone = device(customer)
    customer.signs_up()
    proves_by_password(customer)
    adds_passkey(customer)
    customer.button("Sign out").click()
    expect(customer.link("Create your account")).to_be_visible()
    customer.goes_to("/login?next=%2Faccount")
    customer.page.get_by_label("E-mail address").fill(customer.email)
    customer.page.get_by_label("Password", exact=True).fill(PASSWORD)
    customer.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(customer.heading("Your second factor")).to_be_visible()

    customer.button("Use a passkey").click()
    expect(customer.heading("Your account")).to_be_visible()
    assert kept(session, telephone)


@pytest.fixture
def staff(visit: Visit) -> Customer:
    """The first member of staff, in the admin."""
    return staff_signs_in(visit())


def test_staff_come_into_the_admin_by_a_passkey(staff: Customer) -> None:
    device(staff)
    staff.goes_to("/account/prove?next=%2Faccount%2Fsecurity")
    # The code that signed in is spent; the clock of a telephone may be half a minute ahead.
    staff.page.get_by_label("Code").fill(code_of(staff.stack["staff_authenticator"], later=30))
    staff.button("Go on").click()
    adds_passkey(staff)
    staff.button("Sign out").click()
    expect(staff.link("Create your account")).to_be_visible()
    staff.goes_to("/login?next=%2Faccount")
    staff.button("Sign in with a passkey").click()
    expect(staff.heading("Your account")).to_be_visible()
    staff.sees_admin()

    staff.goes_to("/account/prove?next=%2Faccount%2Fsecurity")
    staff.button("Use a passkey").click()
    staff.button(f"Remove Passkey {staff.slug}").click()
    expect(staff.page.get_by_text("The passkey is removed")).to_be_visible()
    expect(staff.page.get_by_text(f"Passkey: {staff.slug}")).to_have_count(0)


def test_an_authenticator_app_is_added_by_its_picture(customer: Customer) -> None:
    customer.signs_up()
    proves_by_password(customer)
    customer.goes_to("/account/app")
    picture = customer.page.get_by_alt_text("The key below as a QR code")
    expect(picture).to_be_visible()
    assert 0.2 < picture.evaluate(DARK_SHARE) < 0.6

    key = customer.page.locator("[data-key]").inner_text().strip()
    customer.page.get_by_label("Code").fill(code_now(key))
    customer.button("Add the app").click()
    expect(customer.heading("Your recovery codes")).to_be_visible()
