"""Accounts while no mail server answers: it is said, the same to everybody, and nothing is lost."""

from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache

from tenants.models import User
from tests.conftest import free_port
from tests.tenants.test_signing_in import AUTH, NEW, Browser, browser, mailed_code, waits_for_a_code

__all__ = ["browser"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_rate_limits() -> None:
    cache.clear()


@pytest.fixture
def no_mail_server(settings: Any) -> None:
    """A port at which nobody answers."""
    settings.EMAIL_BACKEND = settings.EMAIL_CONFIG["EMAIL_BACKEND"]
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()


def test_a_mail_server_that_is_away_is_said_and_the_code_comes_at_the_next_sign_in(
    browser: Browser, settings: Any, no_mail_server: None
) -> None:
    answer = browser("POST", f"{AUTH}/signup", NEW)
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["code"] == "mail_away"
    assert not browser.is_signed_in()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    again = browser("POST", f"{AUTH}/login", NEW)
    assert waits_for_a_code(again)
    browser("POST", f"{AUTH}/email/verify", {"key": mailed_code(mail.outbox[-1])})
    assert browser.is_signed_in()


def test_an_outage_of_mail_tells_nothing_about_accounts(
    browser: Browser, alice: User, no_mail_server: None
) -> None:
    for path in ("signup", "password/request"):
        told = [
            browser("POST", f"{AUTH}/{path}", {**NEW, "email": email})
            for email in ("alice@example.com", "nobody@example.com")
        ]
        assert [answer.status_code for answer in told] == [503, 503]
        assert told[0].content == told[1].content
