"""Signing up, in and out; what is refused is said beside its field."""

from playwright.sync_api import expect

from tests.browser.customer import PASSWORD, Customer


def test_a_short_password_is_refused_beside_its_field(customer: Customer) -> None:
    customer.goes_to("/signup")
    customer.page.get_by_label("E-mail address").fill(customer.email)
    customer.page.get_by_label("Password", exact=True).fill("short")
    customer.button("Create account").click()
    expect(customer.page.locator("#password-note")).to_contain_text("too short")
    expect(customer.page.get_by_label("Password", exact=True)).to_be_focused()


def test_a_wrong_password_signs_nobody_in(customer: Customer) -> None:
    customer.signs_up()
    customer.button("Sign out").click()
    expect(customer.link("Create your account")).to_be_visible()
    sign_in(customer, "not the password")
    expect(customer.page.locator("[aria-invalid=true], .notice.tone-danger").first).to_be_visible()
    expect(customer.heading("Sign in")).to_be_visible()


def test_a_page_that_wants_a_session_is_reached_after_signing_in(customer: Customer) -> None:
    customer.signs_up()
    customer.button("Sign out").click()
    expect(customer.link("Create your account")).to_be_visible()
    customer.goes_to("/account")
    expect(customer.heading("Sign in")).to_be_visible()
    sign_in(customer, PASSWORD, go=False)
    expect(customer.heading("Your account")).to_be_visible()


def test_sign_in_never_leads_to_another_site(customer: Customer) -> None:
    customer.signs_up()
    customer.goes_to("/login?next=//evil.example/")
    expect(customer.heading("Your bots")).to_be_visible()


def test_a_session_that_ended_elsewhere_ends_here_at_the_next_step(customer: Customer) -> None:
    customer.signs_up()
    customer.names_bot()
    expect(customer.button("Go to payment")).to_be_visible()
    customer.page.context.clear_cookies(name="__Host-session")
    customer.button("Go to payment").click()
    expect(customer.heading("Sign in")).to_be_visible()
    sign_in(customer, PASSWORD, go=False)
    expect(customer.heading("Choose a plan")).to_be_visible()


def test_an_account_is_not_used_before_its_address_is_confirmed(customer: Customer) -> None:
    customer.goes_to("/signup")
    customer.page.get_by_label("E-mail address").fill(customer.email)
    customer.page.get_by_label("Password", exact=True).fill(PASSWORD)
    customer.button("Create account").click()
    code = customer.page.get_by_label("Code", exact=True)
    code.fill("AAAAAA")
    customer.button("Confirm").click()
    expect(customer.page.locator("#code-note")).to_contain_text("code")
    customer.goes_to("/account")
    sign_in(customer, PASSWORD, go=False)
    customer.confirms_address()
    expect(customer.heading("Your account")).to_be_visible()


def test_signing_up_needs_no_mouse(customer: Customer) -> None:
    customer.goes_to("/")
    keyboard = customer.page.keyboard
    press_until(customer, "Skip to the content")
    press_until(customer, "Create your account")
    keyboard.press("Enter")
    expect(customer.heading("Create your account")).to_be_focused()
    press_until(customer, "E-mail address")
    keyboard.type(customer.email)
    keyboard.press("Tab")
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    expect(customer.page.get_by_label("Code", exact=True)).to_be_focused()
    keyboard.type(customer.mailed_code())
    keyboard.press("Enter")
    expect(customer.heading("Name your bot")).to_be_focused()
    press_until(customer, "Name")
    keyboard.type("A bot for a test")
    keyboard.press("Tab")
    keyboard.press("Control+A")
    keyboard.type(customer.slug)
    expect(customer.page.get_by_text(f"{customer.slug} is free.")).to_be_visible()
    keyboard.press("Enter")
    expect(customer.heading("Choose a plan")).to_be_focused()


FOCUSED = """() => {
  const element = document.activeElement;
  const label = element.labels?.[0] ?? element;
  return label.textContent.trim().replace(/\\s+/g, " ");
}"""


def press_until(customer: Customer, name: str, most: int = 20) -> None:
    """Tabs on until the focus is on the part of this name, as somebody without a mouse does."""
    seen = []
    for _ in range(most):
        customer.page.keyboard.press("Tab")
        seen.append(customer.page.evaluate(FOCUSED))
        if seen[-1] == name:
            return
    raise AssertionError(f"Tab never came to {name!r}; it came to {seen}")


def sign_in(customer: Customer, password: str, *, go: bool = True) -> None:
    if go:
        customer.goes_to("/login")
    customer.page.get_by_label("E-mail address").fill(customer.email)
    customer.page.get_by_label("Password", exact=True).fill(password)
    customer.button("Sign in").click()


def test_an_account_is_deleted_by_who_proves_to_be_it_and_taken_back(customer: Customer) -> None:
    customer.signs_up()
    customer.goes_to("/account")
    customer.button("Delete your account").click()
    dialog = customer.page.get_by_role("dialog")
    expect(dialog).to_contain_text("nothing more is charged")
    dialog.get_by_role("button", name="Delete your account").click()
    expect(customer.heading("Is it you?")).to_be_visible()
    customer.page.get_by_label("Password", exact=True).fill(PASSWORD)
    customer.button("Go on").click()
    expect(customer.heading("Your account")).to_be_visible()
    customer.button("Delete your account").click()
    dialog.get_by_role("button", name="Delete your account").click()
    expect(customer.page.get_by_text("To be deleted on")).to_be_visible()
    customer.button("Take it back").click()
    expect(customer.button("Delete your account")).to_be_visible()
