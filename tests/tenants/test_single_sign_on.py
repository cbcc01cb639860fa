"""Logging in at Authentik: what is believed, whose account opens, and who is staff for how long."""

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.conf import settings as current
from django.core.cache import cache
from django.test import Client

from sandbox.control import SandboxControl
from tenants.models import User
from tenants.tasks import staff_recheck
from tests.conftest import PASSWORD, prove
from wopr.common.audit.models import AuditEntry, entries_about
from wopr.common.models import Heartbeat

pytestmark = pytest.mark.django_db
REDIRECT = "/_allauth/browser/v1/auth/provider/redirect"
GROUP = "wopr-staff"


class Directory:
    """Authentik, as somebody who administers it sees it."""

    def __init__(self) -> None:
        url = os.environ["AUTHENTIK_URL"]
        bearer = {"Authorization": f"Bearer {os.environ['AUTHENTIK_API_TOKEN']}"}
        httpx.post(f"{url}/_sandbox/reset").raise_for_status()
        self.api = httpx.Client(base_url=f"{url}/api/v3", headers=bearer)
        self.control = SandboxControl(os.environ["SANDBOX_STRIPE_URL"], authentik_url=url)

    def close(self) -> None:
        self.control.clear()
        self.control.close()
        self.api.close()

    def hires(self, email: str, *, staff: bool = False, **attributes: Any) -> int:
        person = {"username": email, "name": "Dana Doe", "email": email, "attributes": attributes}
        pk = int(self.api.post("/core/users/", json=person).raise_for_status().json()["pk"])
        self.api.post(f"/core/users/{pk}/set_password/", json={"password": PASSWORD})
        if staff:
            self._staff("add_user", pk)
        return pk

    def dismisses(self, pk: int) -> None:
        self._staff("remove_user", pk)

    def _staff(self, verb: str, pk: int) -> None:
        [group] = self.api.get("/core/groups/", params={"name": GROUP}).json()["results"]
        path = f"/core/groups/{group['pk']}/{verb}/"
        self.api.post(path, json={"pk": pk}).raise_for_status()


class Browser:
    """One browser: our cookies in one jar, Authentik's in another."""

    def __init__(self) -> None:
        host = urlsplit(current.WOPR_DASHBOARD_URL).netloc
        self.ours = Client(HTTP_HOST=host)
        self.theirs = httpx.Client(base_url=os.environ["AUTHENTIK_URL"])

    def begins(self, process: str = "login") -> str:
        """To Authentik's log-in page; returns where we sent the browser."""
        form = {"provider": "authentik", "process": process, "callback_url": "/login"}
        answer = self.ours.post(REDIRECT, form, secure=True)
        assert answer.status_code == 302
        return str(answer["Location"])

    def logs_in_there(self, asked: str, email: str) -> str:
        """Returns where Authentik sends the browser back to."""
        form = self.theirs.get(asked).headers["location"]
        said = self.theirs.post(form, data={"name": email, "password": PASSWORD})
        return self.theirs.get(said.headers["location"]).headers["location"]

    def comes_back(self, to: str) -> str:
        """Returns where we send the browser on to."""
        where = urlsplit(to)
        assert f"{where.scheme}://{where.netloc}" == current.WOPR_DASHBOARD_URL
        answer = self.ours.get(f"{where.path}?{where.query}", secure=True)
        assert answer.status_code == 302
        return str(answer["Location"])

    def signs_in(self, email: str, process: str = "login") -> str:
        return self.comes_back(self.logs_in_there(self.begins(process), email))

    @property
    def me(self) -> str:
        answer = self.ours.get("/api/v1/me", secure=True)
        return str(answer.json()["email"]) if answer.status_code == 200 else ""

    def may_open_the_admin(self) -> bool:
        """With a second factor of ours, which the admin wants from everybody."""
        if user_id := self.ours.session.get("_auth_user_id"):
            prove(self.ours, User.objects.get(pk=user_id))
        return bool(self.ours.get("/admin/", secure=True).status_code == 200)


@pytest.fixture
def directory(settings: Any) -> Iterator[Directory]:
    cache.clear()
    settings.ALLOWED_HOSTS = ["*"]
    made = Directory()
    yield made
    made.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    made = Browser()
    yield made
    made.theirs.close()


def test_the_request_carries_state_nonce_and_a_challenge(
    directory: Directory, browser: Browser
) -> None:
    asked = parse_qs(urlsplit(browser.begins()).query)

    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["nonce"][0]) >= 32
    assert len(asked["state"][0]) >= 16
    assert asked["redirect_uri"] == [f"{current.WOPR_DASHBOARD_URL}/accounts/sso/callback"]


def test_somebody_new_gets_an_account_and_is_signed_in(
    directory: Directory, browser: Browser
) -> None:
    directory.hires("dana@example.com")

    assert browser.signs_in("dana@example.com") == "/login"
    assert browser.me == "dana@example.com"
    dana = User.objects.get()
    assert not dana.has_usable_password()
    assert not dana.is_staff
    assert not browser.may_open_the_admin()


def test_the_second_time_it_is_the_same_account_whatever_the_address_is_now(
    directory: Directory, browser: Browser
) -> None:
    pk = directory.hires("dana@example.com")
    browser.signs_in("dana@example.com")
    directory.api.patch(f"/core/users/{pk}/", json={"email": "alice@example.com"})
    again = Browser()

    again.signs_in("alice@example.com")

    assert again.me == "dana@example.com"


@pytest.mark.parametrize("verified", [True, False])
def test_an_address_alone_opens_nobodys_account(
    verified: bool, alice: User, directory: Directory, browser: Browser
) -> None:
    directory.hires(alice.email, email_verified=verified)

    back = browser.signs_in(alice.email)

    assert back.startswith("/login?error=email_taken")
    assert browser.me == ""
    assert not SocialAccount.objects.exists()


def test_whoever_is_signed_in_connects_the_two_and_logs_in_by_it_from_then_on(
    alice: User, directory: Directory, browser: Browser
) -> None:
    directory.hires("somebody@example.org")
    browser.ours.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    browser.signs_in("somebody@example.org", process="connect")
    again = Browser()

    again.signs_in("somebody@example.org")

    assert again.me == "alice@example.com"


def test_a_state_of_another_browser_is_refused(directory: Directory, browser: Browser) -> None:
    directory.hires("mallory@example.com")
    back = browser.logs_in_there(browser.begins(), "mallory@example.com")
    victim = Browser()

    assert "error=" in victim.comes_back(back)
    assert victim.me == ""


def test_a_code_that_answers_another_request_is_refused(
    directory: Directory, browser: Browser
) -> None:
    """PKCE: the code was asked for by another browser, and is put into this one's answer."""
    directory.hires("mallory@example.com")
    mallory = Browser()
    stolen = parse_qs(
        urlsplit(mallory.logs_in_there(mallory.begins(), "mallory@example.com")).query
    )
    state = parse_qs(urlsplit(browser.begins()).query)["state"][0]
    query = urlencode({"code": stolen["code"][0], "state": state})

    back = browser.comes_back(f"{current.WOPR_DASHBOARD_URL}/accounts/sso/callback?{query}")

    assert "error=" in back
    assert browser.me == ""


def test_an_id_token_with_another_nonce_is_refused(directory: Directory, browser: Browser) -> None:
    directory.hires("dana@example.com")
    asked = browser.begins()
    nonce = parse_qs(urlsplit(asked).query)["nonce"][0]
    back = browser.logs_in_there(asked.replace(nonce, "x" * 43), "dana@example.com")

    assert "error=" in browser.comes_back(back)
    assert browser.me == ""


def test_a_link_logs_nobody_in(directory: Directory, browser: Browser) -> None:
    query = {"provider": "authentik", "process": "login", "callback_url": "/login"}
    assert browser.ours.get(REDIRECT, query, secure=True).status_code == 405
    strict = Client(enforce_csrf_checks=True, HTTP_HOST=browser.ours.defaults["HTTP_HOST"])
    assert strict.post(REDIRECT, query, secure=True).status_code == 403


def test_members_of_the_group_are_staff_and_the_trail_says_why(
    directory: Directory, browser: Browser
) -> None:
    directory.hires("dana@example.com", staff=True)
    browser.signs_in("dana@example.com")

    assert browser.may_open_the_admin()
    dana = User.objects.get()
    assert not dana.is_superuser
    newest = entries_about(dana).filter(after__has_key="is_staff").first()
    assert newest is not None
    assert newest.reason == f"in the group {GROUP} at Authentik"


def test_whoever_leaves_the_group_is_out_of_the_admin_at_the_next_look(
    directory: Directory, browser: Browser
) -> None:
    pk = directory.hires("dana@example.com", staff=True)
    directory.hires("erin@example.com", staff=True)
    erin = Browser()
    browser.signs_in("dana@example.com")
    erin.signs_in("erin@example.com")
    User.objects.update(is_superuser=True)

    directory.dismisses(pk)
    staff_recheck()

    assert not browser.may_open_the_admin()
    assert not User.objects.get(email="dana@example.com").is_superuser
    assert erin.may_open_the_admin()
    assert AuditEntry.objects.filter(after={"is_staff": False, "is_superuser": False}).exists()


def test_whoever_is_inactive_there_is_no_staff_here(directory: Directory, browser: Browser) -> None:
    pk = directory.hires("dana@example.com", staff=True)
    browser.signs_in("dana@example.com")
    directory.api.patch(f"/core/users/{pk}/", json={"is_active": False}).raise_for_status()

    staff_recheck()

    assert not browser.may_open_the_admin()


def test_staff_without_single_sign_on_are_nobodys_business_but_ours(
    directory: Directory, staff_client: Client
) -> None:
    staff_recheck()
    assert User.objects.get().is_staff


def test_while_authentik_is_away_nobody_is_locked_out_and_the_heartbeat_stands_still(
    directory: Directory, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    pk = directory.hires("dana@example.com", staff=True)
    browser.signs_in("dana@example.com")
    staff_recheck()
    seen = Heartbeat.objects.get(name="staff at Authentik").seen_at
    directory.dismisses(pk)
    directory.control.add_fault("authentik", "status", status=503, path="/api/v3/*")

    staff_recheck()
    assert browser.may_open_the_admin()
    assert "nobody knows who is staff at Authentik" in caplog.text
    assert Heartbeat.objects.get(name="staff at Authentik").seen_at == seen

    staff_recheck()
    assert not browser.may_open_the_admin()


def test_staff_cannot_cut_the_tie_by_which_their_rights_are_looked_after(
    directory: Directory, browser: Browser
) -> None:
    directory.hires("dana@example.com", staff=True)
    browser.signs_in("dana@example.com")
    account = SocialAccount.objects.get()
    User.objects.get().set_password(PASSWORD)

    answer = browser.ours.delete(
        "/_allauth/browser/v1/account/providers",
        json.dumps({"provider": account.provider, "account": account.uid}),
        content_type="application/json",
        secure=True,
    )

    assert answer.status_code == 400
    assert SocialAccount.objects.exists()


def test_the_login_page_offers_it_only_where_it_is_configured(
    client: Client, settings: Any
) -> None:
    def offered() -> str:
        page = client.get("/login", secure=True).content.decode()
        return page.partition('name="single-sign-on" content="')[2].partition('"')[0]

    assert offered() == "yes"
    settings.WOPR_SINGLE_SIGN_ON = False
    assert offered() == "no"
    assert client.get("/accounts/sso/callback", secure=True).status_code == 404
