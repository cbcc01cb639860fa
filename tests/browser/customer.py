"""A customer at the browser: the ways through the dashboard that many tests share."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from playwright.sync_api import Error, Locator, Page, expect

from sandbox.control import SandboxControl
from sandbox.stack.second_factor import code_now
from tests.browser.watching import Watch

GOOD_CARD = "4242 4242 4242 4242"
DECLINED_CARD = "4000 0000 0000 0002"
PASSWORD = "a calm and quiet sentence"
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
BUILT = 120_000  # milliseconds; an image pull and a first boot on a busy machine


def a_name() -> str:
    """A slug that nobody has taken."""
    return f"b{uuid4().hex[:10]}"


@dataclass
class Customer:
    page: Page
    stack: dict[str, Any]
    watch: Watch
    email: str = field(default_factory=lambda: f"{a_name()}@example.org")
    slug: str = field(default_factory=a_name)

    def goes_to(self, path: str) -> None:
        """Opens a page, and again if a part of it was lost as the network changed."""
        before = len(self.watch.complaints)
        for _ in range(10):
            self.watch.lost_parts.clear()
            self._opens(self.stack["dashboard"].rstrip("/") + path)
            if not self.watch.lost_parts:
                return
            # Of what a page throws that lacks a part, nothing is its own fault.
            del self.watch.complaints[before:]

    def _opens(self, address: str) -> None:
        try:
            self.page.goto(address)
        except Error as lost:
            # Chromium drops what is under way whenever a container on this machine starts or ends.
            if NETWORK_CHANGED not in str(lost):
                raise
            self.page.wait_for_url("chrome-error://**")
            self.page.goto(address)

    def downloads(self, link: str, to: Path) -> tuple[Path, str]:
        """The file behind a link, and the name that it was offered under."""
        address = self.page.url
        for tries_left in (2, 1, 0):
            try:
                with self.page.expect_download(timeout=15_000) as download:
                    self.link(link).click()
                download.value.save_as(to)
                break
            except Error as lost:
                # A download that the network changed under is cancelled, or never begins.
                if not tries_left or not re.search("canceled|Timeout", str(lost)):
                    raise
                self.page.goto(address)
        return to, download.value.suggested_filename

    def sees_admin(self) -> Self:
        self.goes_to("/admin/")
        expect(self.heading("Overview").first).to_be_visible()
        return self

    def signs_up(self) -> None:
        self.goes_to("/signup")
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.button("Create account").click()
        self.confirms_address()
        expect(self.heading("Name your bot")).to_be_visible()

    def confirms_address(self) -> None:
        """Types the code that was mailed."""
        field = self.page.get_by_label("Code", exact=True)
        expect(field).to_be_focused()
        field.fill(self.mailed_code())
        self.button("Confirm").click()

    def mailed_code(self) -> str:
        with SandboxControl.of(self.stack) as sandbox:
            return sandbox.code_for(self.email)

    def types_name(self, slug: str) -> None:
        self.page.get_by_label("Name", exact=True).fill("A bot for a test")
        self.page.get_by_label("Address", exact=True).fill(slug)

    def names_bot(self) -> None:
        self.types_name(self.slug)
        expect(self.page.get_by_text(f"{self.slug} is free.")).to_be_visible()
        self.button("Take this name").click()
        expect(self.heading("Choose a plan")).to_be_visible()

    def opens_checkout(self, plan: str = "Starter") -> None:
        self.page.get_by_text(plan, exact=True).click()
        self.button("Go to payment").click()
        expect(self.page.get_by_label("Card number")).to_be_visible()

    def pays(self, number: str = GOOD_CARD) -> None:
        self.page.get_by_label("Card number").fill(number)
        self.button("Pay").click()

    def comes_to_checkout(self) -> None:
        """Everything up to Stripe's page."""
        self.signs_up()
        self.names_bot()
        self.opens_checkout()

    def owns_a_running_bot(self) -> None:
        """The whole way, up to the page that says so."""
        self.comes_to_checkout()
        self.pays()
        self.sees_running_bot()

    def sees_running_bot(self) -> None:
        expect(self.link("Open your bot")).to_be_visible(timeout=BUILT)
        expect(self.status).to_have_text("running")

    @property
    def status(self) -> Locator:
        return self.page.locator("[data-state].pill").first

    @property
    def checkout_path(self) -> str:
        found = re.search(r"/checkout/[0-9a-f-]{36}", self.page.url)
        assert found, f"{self.page.url} is no checkout page"
        return found[0]

    def heading(self, text: str) -> Locator:
        return self.page.get_by_role("heading", name=text)

    def button(self, text: str) -> Locator:
        return self.page.get_by_role("button", name=text, exact=True)

    def link(self, text: str) -> Locator:
        return self.page.get_by_role("link", name=text)


def staff_signs_in(member: Customer) -> Customer:
    """The first member of staff comes into the admin by password and app, as `make run` tells."""
    member.email = member.stack["staff_email"]
    member.goes_to("/login?next=%2Faccount")
    member.page.get_by_label("E-mail address").fill(member.email)
    member.page.get_by_label("Password", exact=True).fill(member.stack["staff_password"])
    member.button("Sign in").click()
    member.page.get_by_label("Code").fill(code_now(member.stack["staff_authenticator"]))
    member.button("Sign in").click()
    expect(member.heading("Your account")).to_be_visible()
    return member.sees_admin()
