"""Second factors and sessions: what opens an account, and the admin, beside the password."""

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from time_machine import travel

from tenants.models import Tenant, User
from tests.admin.pages import press
from tests.conftest import PASSWORD, let_in, signed_in
from tests.tenants.test_signing_in import AUTH, Browser
from wopr.common.models import Breaker

pytestmark = pytest.mark.django_db
FACTORS = "/_allauth/browser/v1/account/authenticators"
ALICE = {"email": "alice@example.com", "password": PASSWORD}


@pytest.fixture(autouse=True)
def fresh_rate_limits() -> None:
    cache.clear()


@pytest.fixture
def browser(alice: User) -> Browser:
    """Alice's, signed in, and her password given again a moment ago."""
    browser = Browser()
    browser("POST", f"{AUTH}/login", ALICE)
    browser("POST", f"{AUTH}/reauthenticate", {"password": PASSWORD})
    return browser


def code_of(key: str, later: int = 0) -> str:
    """What an authenticator app shows."""
    return format_hotp_value(hotp_value(key, int(time.time() + later) // 30))


def add_app(browser: Browser) -> str:
    key = browser("GET", f"{FACTORS}/totp").json()["meta"]["secret"]
    answer = browser("POST", f"{FACTORS}/totp", {"code": code_of(key)})
    assert answer.status_code == 200, answer.json()
    return str(key)


def test_with_an_app_the_password_alone_opens_nothing(browser: Browser) -> None:
    key = add_app(browser)
    other = Browser()
    answer = other("POST", f"{AUTH}/login", ALICE)
    assert answer.status_code == 401
    assert not other.is_signed_in()
    wrong = other("POST", f"{AUTH}/2fa/authenticate", {"code": "000000"})
    assert (wrong.status_code, other.is_signed_in()) == (400, False)
    with travel(timezone.now() + timedelta(seconds=31)):
        other("POST", f"{AUTH}/2fa/authenticate", {"code": code_of(key)})
        assert other.is_signed_in()


def test_a_recovery_code_opens_the_account_once(browser: Browser) -> None:
    add_app(browser)
    codes = browser("GET", f"{FACTORS}/recovery-codes").json()["data"]["unused_codes"]
    for is_first in (True, False):
        other = Browser()
        other("POST", f"{AUTH}/login", ALICE)
        other("POST", f"{AUTH}/2fa/authenticate", {"code": codes[0]})
        assert other.is_signed_in() is is_first


def test_recovery_codes_are_shown_once(browser: Browser) -> None:
    add_app(browser)
    shown = browser("GET", f"{FACTORS}/recovery-codes").json()["data"]
    assert len(shown["unused_codes"]) == 10
    assert "unused_codes" not in browser("GET", f"{FACTORS}/recovery-codes").json()["data"]


def test_the_key_of_an_app_is_ciphertext_in_the_database(browser: Browser) -> None:
    key = add_app(browser)
    stored = str(Authenticator.objects.values_list("data"))
    assert key not in stored


def test_the_key_of_a_new_app_comes_as_a_picture_to_nobody_else(browser: Browser) -> None:
    picture = "/accounts/app.svg"
    assert browser.client.get(picture, secure=True).status_code == 404
    meant = browser("GET", f"{FACTORS}/totp").json()["meta"]["totp_url"]
    shown = browser.client.get(picture, secure=True)
    assert shown.content.decode() == get_adapter().build_totp_svg(meant)
    assert "no-store" in shown["Cache-Control"]
    assert "'none'" in shown["Content-Security-Policy"]
    assert Client().get(picture, secure=True).status_code == 404
    key = dict(parse_qsl(urlsplit(meant).query))["secret"]
    browser("POST", f"{FACTORS}/totp", {"code": code_of(key)})
    assert browser.client.get(picture, secure=True).status_code == 404


def test_a_factor_is_added_and_removed_by_who_proves_to_be_it(alice: User) -> None:
    stolen = Browser()
    stolen("POST", f"{AUTH}/login", ALICE)
    key = stolen("GET", f"{FACTORS}/totp")
    assert key.status_code in {401, 404}
    code = code_of(key.json()["meta"]["secret"]) if key.status_code == 404 else "000000"
    assert stolen("POST", f"{FACTORS}/totp", {"code": code}).status_code == 401
    assert not Authenticator.objects.exists()


def test_a_passkey_can_be_registered_for_this_site(browser: Browser) -> None:
    options = browser("GET", f"{FACTORS}/webauthn?passwordless").json()["data"]["creation_options"]
    assert options["publicKey"]["rp"]["id"] == "testserver"
    assert options["publicKey"]["challenge"]
    forged = browser("POST", f"{FACTORS}/webauthn", {"name": "x", "credential": {}})
    assert forged.status_code == 400


def test_sessions_are_listed_and_ended(browser: Browser) -> None:
    other = Browser()
    other("POST", f"{AUTH}/login", ALICE, **{"User-Agent": "A phone"})
    listed = browser("GET", f"{AUTH}/sessions").json()["data"]
    (phone,) = [row for row in listed if row["user_agent"] == "A phone"]
    assert [row["is_current"] for row in listed if row is not phone] == [True]
    browser("DELETE", f"{AUTH}/sessions", {"sessions": [phone["id"]]})
    assert not other.is_signed_in()
    assert browser.is_signed_in()


def test_nobody_ends_the_sessions_of_others(browser: Browser, charlie: User) -> None:
    theirs = Browser()
    theirs("POST", f"{AUTH}/login", {**ALICE, "email": charlie.email})
    (row,) = theirs("GET", f"{AUTH}/sessions").json()["data"]
    answer = browser("DELETE", f"{AUTH}/sessions", {"sessions": [row["id"]]})
    assert answer.status_code == 400
    assert theirs.is_signed_in()


def admin_of(client: Client) -> tuple[int, str]:
    answer = client.get("/admin/", secure=True, follow=False)
    return answer.status_code, answer.headers.get("Location", "")


def led_to(client: Client) -> str:
    """Where the admin sends somebody in the end."""
    answer = client.get("/admin/", secure=True)
    return client.get(answer["Location"], secure=True).headers.get("Location", "")


def test_staff_see_the_admin_with_a_second_factor_alone(db: None) -> None:
    staff = User.objects.create_superuser("root@example.com", PASSWORD)
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    assert led_to(client) == "/account/prove?next=%2Fadmin%2F"
    let_in(client, staff)
    assert admin_of(client)[0] == 200


def test_the_second_factor_is_asked_for_again_after_hours(db: None, settings: Any) -> None:
    client = Client()
    let_in(client, User.objects.create_superuser("root@example.com"))
    hours = timedelta(hours=settings.WOPR_STAFF_PROOF_HOURS)
    with travel(timezone.now() + hours - timedelta(minutes=1)):
        assert admin_of(client)[0] == 200
    with travel(timezone.now() + hours + timedelta(minutes=1)):
        assert led_to(client).startswith("/account/prove")


def test_staff_api_wants_the_second_factor_too(db: None) -> None:
    staff = User.objects.create_superuser("root@example.com", PASSWORD)
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get("/api/v1/gpu/nodes", secure=True)
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")
    assert signed_in(staff).get("/api/v1/gpu/nodes").status_code == 200


def test_there_is_one_page_to_sign_in(db: None) -> None:
    assert led_to(Client()) == "/login?next=%2Fadmin%2F"
    answer = Client().get("/admin/login/?next=//evil.example/", secure=True)
    assert answer["Location"] == "/login?next=%2Fadmin%2F"


def test_the_admins_login_takes_no_password(db: None) -> None:
    User.objects.create_superuser("root@example.com", PASSWORD)
    client = Client()
    credentials = {"username": "root@example.com", "password": PASSWORD}
    client.post("/admin/login/", credentials, secure=True)
    assert "_auth_user_id" not in client.session


def test_staff_are_made_with_an_authenticator(tmp_path: Any) -> None:
    key = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    files = {}
    for name, secret in {"password": PASSWORD, "authenticator": key}.items():
        files[name] = tmp_path / name
        files[name].write_text(secret)
    options = [f"--{name}-file={file}" for name, file in files.items()]
    for _ in range(2):
        call_command("staff_ensure", "--email=root@example.com", *options)
    browser = Browser()
    credentials = {"email": "root@example.com", "password": PASSWORD}
    assert browser("POST", f"{AUTH}/login", credentials).status_code == 401
    browser("POST", f"{AUTH}/2fa/authenticate", {"code": code_of(key)})
    assert browser.is_signed_in()
    assert admin_of(browser.client)[0] == 200


def test_staff_take_a_lost_factor_away(browser: Browser, staff_client: Client) -> None:
    add_app(browser)
    press(staff_client, Authenticator.objects.get(type="totp"), "take_away")
    other = Browser()
    assert other("POST", f"{AUTH}/login", ALICE).status_code == 200


def test_what_is_dangerous_wants_the_password_again(alice: User, tenant: Tenant) -> None:
    wish = {"name": "x", "scopes": ["read"]}
    keys = f"/api/v1/tenants/{tenant.pk}/keys"
    browser = Browser()
    browser("POST", f"{AUTH}/login", ALICE)
    with travel(timezone.now() + timedelta(minutes=6)):
        answer = browser("POST", keys, wish)
        assert (answer.status_code, answer.json()["code"]) == (403, "proof_required")
        assert browser("GET", keys).json() == []
        wrong = browser("POST", f"{AUTH}/reauthenticate", {"password": "not it"})
        assert (wrong.status_code, browser("POST", keys, wish).status_code) == (400, 403)
        browser("POST", f"{AUTH}/reauthenticate", {"password": PASSWORD})
        assert browser("POST", keys, wish).status_code == 201


def test_a_dangerous_action_of_the_admin_asks_again(staff_client: Client) -> None:
    row = Breaker.objects.create(action="suspend", tripped_at=timezone.now(), message="Too many.")
    with travel(timezone.now() + timedelta(minutes=6)):
        answer = press_once(staff_client, row, "approve")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/prove?next=%2Fadmin%2Fcommon%2Fbreaker%2F")
    row.refresh_from_db()
    assert row.approved_until is None
    press(staff_client, row, "approve")
    row.refresh_from_db()
    assert row.approved_until


def press_once(client: Client, row: Breaker, action: str) -> Any:
    path = reverse(f"admin:common_breaker_{action}", args=[row.pk])
    return client.post(path, {"_form_submitted": "on"}, secure=True)
