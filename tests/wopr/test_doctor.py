"""The doctor tries everything outside for real, and says what to do about what fails."""

from typing import Any

import pytest

from fleet.models import Node
from tests.wopr.processes import closed_port
from wopr import doctor
from wopr.doctor import Finding

pytestmark = pytest.mark.django_db


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in doctor.findings()}


def examined(name: str) -> Finding:
    [check] = [check for check in doctor.CHECKS if check.name == name]
    return doctor.examine(check)


def test_what_is_there_is_found_well_and_what_is_not_comes_with_a_remedy(node: Node) -> None:
    """Among the parts of this stack everything is there but the web process."""
    findings = found()

    well = {name for name, finding in findings.items() if finding.good}
    assert {
        "clock", "disk", "edge", "dns", "stripe", "e-mail", "provider hetzner",
        "provider digitalocean", "engine local", "registry (local)",
    } <= well  # fmt: skip
    assert not findings["webhook"].good
    assert "does a worker run" in findings["webhook"].fix
    assert "noeviction" in findings["broker"].seen or findings["broker"].good


def test_a_token_that_cloudflare_does_not_know(settings: Any) -> None:
    settings.CLOUDFLARE_API_TOKEN = "another"
    finding = examined("dns")
    assert not finding.good
    assert "CLOUDFLARE_API_TOKEN" in finding.fix


def test_a_key_that_stripe_does_not_know(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_of_somebody_else"
    assert not examined("stripe").good


def test_a_broker_that_is_away(settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{closed_port()}/0"
    finding = examined("broker")
    assert not finding.good
    assert "REDIS_URL" in finding.fix


def test_an_engine_that_is_away(node: Node) -> None:
    Node.objects.update(engine_url="unix:///nowhere/docker.sock")
    assert not found()["engine local"].good


def test_a_mail_server_that_is_away(settings: Any) -> None:
    settings.EMAIL_PORT = closed_port()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert not examined("e-mail").good


def test_no_secret_is_told(settings: Any, node: Node) -> None:
    text = " ".join(f"{finding.seen} {finding.fix}" for finding in found().values())
    for secret in (settings.STRIPE_SECRET_KEY, settings.CLOUDFLARE_API_TOKEN, settings.SECRET_KEY):
        assert secret not in text
