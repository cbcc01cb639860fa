"""Accounts as the dashboard uses them: sign up, sign in, sign out, with CSRF enforced."""

import json
import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
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


def waits_for_a_code(answer: Any) -> bool:
    flows = answer.json()["data"]["flows"]
    return answer.status_code == 401 and "verify_email" in [
        flow["id"] for flow in flows if flow.get("is_pending")
    ]


def mailed_code(mail: Any) -> str:
    found = re.search(r"^[A-Z0-9-]{6,}$", mail.body, re.MULTILINE)
    assert found, mail.body
    return found[0]


def test_signing_up_makes_an_account_that_is_used_once_its_address_is_confirmed(
    browser: Browser, mailoutbox: list[Any]
) -> None:
    assert waits_for_a_code(browser("POST", f"{AUTH}/signup", NEW))
    assert not browser.is_signed_in()
    (letter,) = mailoutbox
    assert letter.to == ["dora@example.com"]
    answer = browser("POST", f"{AUTH}/email/verify", {"key": mailed_code(letter)})
    assert answer.status_code == 200, answer.json()
    assert answer.json()["data"]["user"]["email"] == "dora@example.com"
    assert browser("GET", "/api/v1/me").json() == {
        "id": User.objects.get().pk,
        "email": "dora@example.com",
        "is_staff": False,
        "tenants": [],
        "has_password": True,
        "seen_by": None,
    }


def test_the_letter_with_the_code_looks_like_our_others(
    browser: Browser, mailoutbox: list[Any]
) -> None:
    browser("POST", f"{AUTH}/signup", NEW)
    (letter,) = mailoutbox
    code = mailed_code(letter)
    assert code in letter.subject
    (page,) = [part.content for part in letter.alternatives]
    assert code in page
    assert 'class="sheet"' in page


@pytest.mark.parametrize("key", ["AAAAAA", "", "x" * 500])
def test_a_wrong_code_confirms_nothing(key: str, browser: Browser, mailoutbox: list[Any]) -> None:
    browser("POST", f"{AUTH}/signup", NEW)
    answers = [browser("POST", f"{AUTH}/email/verify", {"key": key}) for _ in range(4)]
    assert answers[0].status_code == 400
    assert not browser.is_signed_in()
    # Guessing ends the attempt: the right code does not help any more.
    browser("POST", f"{AUTH}/email/verify", {"key": mailed_code(mailoutbox[0])})
    assert not browser.is_signed_in()


def test_a_code_is_good_in_the_browser_that_asked_for_it(
    browser: Browser, mailoutbox: list[Any]
) -> None:
    browser("POST", f"{AUTH}/signup", NEW)
    thief = Browser()
    thief("POST", f"{AUTH}/email/verify", {"key": mailed_code(mailoutbox[0])})
    assert not thief.is_signed_in()
    assert not EmailAddress.objects.filter(verified=True).exists()


def test_who_comes_back_before_confirming_gets_the_code_at_sign_in(
    browser: Browser, mailoutbox: list[Any]
) -> None:
    User.objects.create_user(**NEW)
    assert waits_for_a_code(browser("POST", f"{AUTH}/login", NEW))
    assert not browser.is_signed_in()
    browser("POST", f"{AUTH}/email/verify", {"key": mailed_code(mailoutbox[-1])})
    assert browser.is_signed_in()


def test_a_forgotten_password_is_replaced_by_a_mailed_link(
    alice: User, browser: Browser, mailoutbox: list[Any]
) -> None:
    browser("POST", f"{AUTH}/password/request", {"email": alice.email})
    found = re.search(r"/account/reset/(\S+)", mailoutbox[0].body)
    assert found
    wish = {"key": found[1], "password": "another quiet sentence"}
    browser("POST", f"{AUTH}/password/reset", wish)
    credentials = {"email": alice.email, "password": wish["password"]}
    assert Browser()("POST", f"{AUTH}/login", credentials).status_code == 200
    again = {**wish, "password": "a third quiet sentence"}
    assert browser("POST", f"{AUTH}/password/reset", again).status_code == 400


def test_asking_for_a_new_password_tells_nobody_who_has_an_account(
    alice: User, browser: Browser, mailoutbox: list[Any]
) -> None:
    known = browser("POST", f"{AUTH}/password/request", {"email": alice.email})
    unknown = browser("POST", f"{AUTH}/password/request", {"email": "nobody@example.com"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert [letter.to[0] for letter in mailoutbox] == [alice.email, "nobody@example.com"]


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


def test_an_address_is_had_once_in_any_case(
    alice: User, browser: Browser, mailoutbox: list[Any]
) -> None:
    answer = browser("POST", f"{AUTH}/signup", {**NEW, "email": "ALICE@example.com"})
    # The page says what it says to everybody; only the letter knows better.
    assert waits_for_a_code(answer)
    assert "already" in mailoutbox[0].subject
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
