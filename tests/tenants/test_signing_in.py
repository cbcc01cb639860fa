"""Accounts as the dashboard uses them: sign up, sign in, sign out, with CSRF enforced."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from tenants.models import User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
AUTH = "/_allauth/browser/v1/auth"


@pytest.fixture(autouse=True)
def fresh_rate_limits() -> None:
    cache.clear()


class Browser:
    """The dashboard's page in a browser: it has the CSRF cookie and says where it comes from."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.client.get("/", secure=True)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        token = self.client.cookies[settings.CSRF_COOKIE_NAME].value
        own = {"X-CSRFToken": token, "Origin": "https://testserver"}
        return self.client.generic(
            method,
            path,
            data=json_of(body),
            content_type="application/json",
            secure=True,
            headers={**own, **headers},
        )

    @property
    def session(self) -> str:
        cookie = self.client.cookies.get(settings.SESSION_COOKIE_NAME)
        return cookie.value if cookie else ""

    def is_signed_in(self) -> bool:
        return bool(self("GET", "/api/v1/me").status_code == 200)


def json_of(body: Any) -> str:
    return "" if body is None else json.dumps(body)


@pytest.fixture
def browser() -> Browser:
    return Browser()


NEW = {"email": "dora@example.com", "password": PASSWORD}


def test_signing_up_makes_an_account_and_signs_in(browser: Browser) -> None:
    assert not browser.is_signed_in()
    answer = browser("POST", f"{AUTH}/signup", NEW)
    assert answer.status_code == 200
    assert answer.json()["data"]["user"]["email"] == "dora@example.com"
    assert browser("GET", "/api/v1/me").json() == {
        "id": User.objects.get().pk,
        "email": "dora@example.com",
        "is_staff": False,
        "tenants": [],
    }


def test_nobody_becomes_staff_by_signing_up(browser: Browser) -> None:
    browser("POST", f"{AUTH}/signup", {**NEW, "is_staff": True, "is_superuser": True})
    user = User.objects.get()
    assert (user.is_staff, user.is_superuser) == (False, False)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"email": "no address"}, "email"),
        ({"email": ""}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "password"}, "password"),
        ({"password": "19283746502918"}, "password"),
    ],
)
def test_a_bad_address_or_password_is_refused_at_its_field(
    change: dict[str, str], param: str, browser: Browser
) -> None:
    answer = browser("POST", f"{AUTH}/signup", {**NEW, **change})
    assert answer.status_code == 400
    assert {error["param"] for error in answer.json()["errors"]} == {param}
    assert not User.objects.exists()


def test_an_address_is_had_once_in_any_case(alice: User, browser: Browser) -> None:
    answer = browser("POST", f"{AUTH}/signup", {**NEW, "email": "ALICE@example.com"})
    assert answer.status_code == 400
    assert not browser.is_signed_in()
    assert User.objects.count() == 1


def test_signing_in_and_out_again(alice: User, browser: Browser) -> None:
    credentials = {"email": "alice@example.com", "password": PASSWORD}
    assert browser("POST", f"{AUTH}/login", credentials).status_code == 200
    assert browser.is_signed_in()
    # allauth answers 401 to say that nobody is signed in any more.
    assert browser("DELETE", f"{AUTH}/session").status_code == 401
    assert not browser.is_signed_in()


def test_the_session_changes_at_sign_in_and_dies_at_sign_out(alice: User) -> None:
    browser = Browser()
    browser("POST", f"{AUTH}/login", {"email": "alice@example.com", "password": PASSWORD})
    first = browser.session
    browser("DELETE", f"{AUTH}/session")
    thief = Client(headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={first}"})
    assert thief.get("/api/v1/me", secure=True).status_code == 401
    browser("POST", f"{AUTH}/login", {"email": "alice@example.com", "password": PASSWORD})
    assert browser.session not in {"", first}


def test_a_wrong_password_and_an_unknown_address_look_alike(alice: User, browser: Browser) -> None:
    wrong = browser("POST", f"{AUTH}/login", {"email": "alice@example.com", "password": "wrong"})
    unknown = browser("POST", f"{AUTH}/login", {"email": "nobody@example.com", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 400
    assert wrong.json() == unknown.json()


def test_guessing_passwords_is_slowed_down(alice: User, browser: Browser) -> None:
    guess = {"email": "alice@example.com", "password": "wrong"}
    answers = [browser("POST", f"{AUTH}/login", guess).status_code for _ in range(12)]
    right = {"email": "alice@example.com", "password": PASSWORD}
    assert answers[0] == 400
    assert browser("POST", f"{AUTH}/login", right).status_code in {400, 429}
    assert not browser.is_signed_in()


@pytest.mark.parametrize(
    "headers",
    [{"X-CSRFToken": ""}, {"X-CSRFToken": "x" * 32}, {"Origin": "https://evil.example.com"}],
    ids=["no token", "wrong token", "another site"],
)
def test_another_site_cannot_act_for_somebody(
    headers: dict[str, str], alice: User, browser: Browser
) -> None:
    credentials = {"email": "alice@example.com", "password": PASSWORD}
    assert browser("POST", f"{AUTH}/login", credentials, **headers).status_code == 403
    assert browser("POST", f"{AUTH}/signup", NEW, **headers).status_code == 403
    assert User.objects.count() == 1
    browser("POST", f"{AUTH}/login", credentials)
    answer = browser("POST", "/api/v1/tenants", {"slug": "forged"}, **headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")


def test_an_account_that_was_closed_cannot_sign_in(alice: User, browser: Browser) -> None:
    User.objects.update(is_active=False)
    credentials = {"email": "alice@example.com", "password": PASSWORD}
    browser("POST", f"{AUTH}/login", credentials)
    assert not browser.is_signed_in()


def test_the_cookies_are_for_this_host_over_https_alone(alice: User, browser: Browser) -> None:
    browser("POST", f"{AUTH}/login", {"email": "alice@example.com", "password": PASSWORD})
    session = browser.client.cookies[settings.SESSION_COOKIE_NAME]
    csrf = browser.client.cookies[settings.CSRF_COOKIE_NAME]
    for cookie in (session, csrf):
        assert cookie.key.startswith("__Host-")
        assert cookie["secure"]
        assert (cookie["path"], cookie["domain"]) == ("/", "")
        assert cookie["samesite"] == "Lax"
    assert session["httponly"]
