"""Second factors and proofs of people who come by single sign-on."""

import re
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)
from django.conf import settings

from tenants.models import User
from tests.tenants.test_single_sign_on import Browser, Directory, browser, directory

__all__ = ["browser", "directory"]
pytestmark = pytest.mark.django_db


def test_who_has_a_second_factor_gives_it_after_single_sign_on_too(
    alice: User, directory: Directory, browser: Browser
) -> None:
    directory.hires("somebody@example.org")
    browser.ours.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    browser.signs_in("somebody@example.org", process="connect")
    key = generate_totp_secret()
    TOTP.activate(alice, key)
    again = Browser()

    assert again.signs_in("somebody@example.org") == "/login"
    assert again.me == "", "Authentik's word alone is not both"
    page = again.ours.get("/login", secure=True).content.decode()
    assert re.search(r'name="sign-in-waits"\s+content="yes"', page), "the page asks for the rest"

    given = {"code": format_hotp_value(hotp_value(key, int(time.time()) // 30))}
    path = "/_allauth/browser/v1/auth/2fa/authenticate"
    answer = again.ours.post(path, given, content_type="application/json", secure=True)
    assert answer.status_code == 200, answer.json()
    assert again.me == "alice@example.com"


def test_who_has_no_password_proves_at_authentik_to_be_it(
    directory: Directory, browser: Browser
) -> None:
    directory.hires("dana@example.com")
    browser.signs_in("dana@example.com")
    minutes_pass(browser)
    asked = "/api/v1/me/deletion"
    assert browser.ours.post(asked, secure=True).json()["code"] == "proof_required"
    again = parse_qs(urlsplit(browser.begins()).query)
    assert again["prompt"] == ["login"], "a session there is no proof"
    browser.signs_in("dana@example.com")
    assert browser.ours.post(asked, secure=True).status_code == 201


def minutes_pass(browser: Browser) -> None:
    """The last log-in was longer ago than a proof counts."""
    session = browser.ours.session
    for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] -= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + 1
    session.save()


def test_a_log_in_at_authentik_is_no_second_factor_for_the_admin(
    directory: Directory, browser: Browser
) -> None:
    directory.hires("dana@example.com", staff=True)
    browser.signs_in("dana@example.com")
    assert User.objects.get(email="dana@example.com").is_staff
    assert browser.ours.get("/admin/", secure=True).status_code == 302
