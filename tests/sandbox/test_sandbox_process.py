"""The process: what it prints, keeps and leaves."""

from __future__ import annotations

import json
import signal
import smtplib
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.control import SandboxControl
from sandbox.process import ROOT, running
from sandbox.serve import STRIPE_KEY

AUTH = (STRIPE_KEY, "")
BEARER = {"Authorization": "Bearer cloudflare-sandbox"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "sandbox.serve"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        vendors = {"stripe", "cloudflare", "hetzner", "digitalocean", "authentik"}
        assert set(urls) == {*vendors, "mailbox", "smtp"}
        process.send_signal(number)
        assert process.wait(10) == 0


def test_every_server_has_a_page_that_says_what_it_is(urls: dict[str, str]) -> None:
    for vendor, title in (
        ("stripe", "Stripe"),
        ("cloudflare", "Cloudflare"),
        ("authentik", "Authentik"),
        ("mailbox", "Mailbox"),
    ):
        base = urls[vendor].removesuffix("/client/v4").removesuffix("/api/v3")
        page = httpx.get(f"{base}/", trust_env=False)
        assert f"<h1>{title}</h1>" in page.text


def test_a_restart_finds_customers_records_and_mails_again(tmp_path: Path) -> None:
    arguments = ("--state", str(tmp_path / "state.json"), "--zone", "bots.localhost")
    with running(*arguments) as urls:
        made = httpx.post(f"{urls['stripe']}/v1/customers", auth=AUTH, trust_env=False).json()
        records = _create_record(urls)
        _send_mail(urls)
    with running(*arguments) as urls, SandboxControl.of(urls) as control:
        found = httpx.get(f"{urls['stripe']}/v1/customers/{made['id']}", auth=AUTH, trust_env=False)
        assert found.json() == made
        listed = httpx.get(f"{urls['cloudflare']}{records}", headers=BEARER, trust_env=False)
        assert len(listed.json()["result"]) == 1
        assert [mail["subject"] for mail in control.messages()] == ["kept"]


def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.json"))
    command = [sys.executable, "-m", "sandbox.serve", *state]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        made = httpx.post(f"{urls['stripe']}/v1/customers", auth=AUTH, trust_env=False).json()
        process.kill()
    with running(*state) as urls:
        path = f"{urls['stripe']}/v1/customers/{made['id']}"
        assert httpx.get(path, auth=AUTH, trust_env=False).json() == made


def _create_record(urls: dict[str, str]) -> str:
    zones = httpx.get(f"{urls['cloudflare']}/zones", headers=BEARER, trust_env=False)
    path = f"/zones/{zones.json()['result'][0]['id']}/dns_records"
    record = {"name": "acme", "type": "A", "content": "203.0.113.10"}
    answer = httpx.post(f"{urls['cloudflare']}{path}", json=record, headers=BEARER, trust_env=False)
    answer.raise_for_status()
    return path


def _send_mail(urls: dict[str, str]) -> None:
    mail = EmailMessage()
    mail["To"], mail["From"], mail["Subject"] = "a@example.com", "b@example.com", "kept"
    mail.set_content("text")
    address = urlsplit(urls["smtp"])
    with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=5) as connection:
        connection.send_message(mail)
