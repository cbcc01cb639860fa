"""Logging in at the sandbox's Authentik as a client does: code, PKCE, nonce, tokens."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from sandbox.process import running

BACK = "https://wopr.localhost/back"
PLATFORM = ("wopr", "platform", "client-secret-of-a-test", BACK, "wopr-staff")
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")


@pytest.fixture(scope="module")
def front() -> Iterator[str]:
    with running("--authentik-platform", *PLATFORM) as urls:
        bearer = {"Authorization": "Bearer authentik-sandbox"}
        with httpx.Client(base_url=urls["authentik"], headers=bearer, trust_env=False) as http:
            ada = {"username": "ada", "name": "Ada", "email": "ada@example.com"}
            pk = http.post("/core/users/", json=ada).json()["pk"]
            http.post(f"/core/users/{pk}/set_password/", json={"password": "of Ada"})
        yield urls["authentik"].removesuffix("/api/v3")


@pytest.fixture
def browser(front: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=front, trust_env=False) as browser:
        yield browser


def asked(browser: httpx.Client, **change: str) -> httpx.Response:
    query = {
        "client_id": "platform",
        "redirect_uri": BACK,
        "response_type": "code",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": CHALLENGE.decode(),
        "code_challenge_method": "S256",
    }
    return browser.get("/application/o/authorize/", params={**query, **change})


def code_of(browser: httpx.Client) -> str:
    to_the_form = asked(browser)
    form = {"name": "ada@example.com", "password": "of Ada"}
    in_again = browser.post(to_the_form.headers["location"], data=form)
    back = browser.get(in_again.headers["location"]).headers["location"]
    found = parse_qs(urlsplit(back).query)
    assert back.startswith(BACK)
    assert found["state"] == ["state-1"]
    return found["code"][0]


def exchanged(browser: httpx.Client, code: str, **change: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "client_id": "platform",
        "client_secret": PLATFORM[2],
        "code_verifier": VERIFIER,
    }
    return browser.post("/application/o/token/", data={**form, **change})


def test_a_code_gives_tokens_that_say_who_it_is(browser: httpx.Client, front: str) -> None:
    tokens = exchanged(browser, code_of(browser)).json()

    found = browser.get("/application/o/wopr/.well-known/openid-configuration").json()
    key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(tokens["id_token"])
    claims: Any = jwt.decode(tokens["id_token"], key, algorithms=["RS256"], audience="platform")
    assert claims["iss"] == found["issuer"] == f"{front}/application/o/wopr/"
    assert (claims["nonce"], claims["email"]) == ("nonce-1", "ada@example.com")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    userinfo = browser.get("/application/o/userinfo/", headers=bearer).json()
    assert userinfo["sub"] == claims["sub"]


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "w" * 43},
        {"client_secret": "another"},
        {"redirect_uri": "https://elsewhere.example.com/"},
    ],
)
def test_a_code_is_worth_nothing_to_somebody_else(
    change: dict[str, str], browser: httpx.Client
) -> None:
    assert exchanged(browser, code_of(browser), **change).status_code == 400


def test_a_code_works_once(browser: httpx.Client) -> None:
    code = code_of(browser)
    assert exchanged(browser, code).status_code == 200
    assert exchanged(browser, code).status_code == 400


def test_nobody_is_sent_to_an_address_that_is_not_registered(browser: httpx.Client) -> None:
    assert asked(browser, redirect_uri="https://elsewhere.example.com/").status_code == 400


def test_a_wrong_password_leads_nowhere(browser: httpx.Client) -> None:
    form = {"name": "ada", "password": "of Bob"}
    assert browser.post("/if/flow/login/", data=form).status_code == 400
    assert "/if/flow/login/" in asked(browser).headers["location"]
