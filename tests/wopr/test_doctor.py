"""The doctor tries everything outside for real, and says what to do about what fails."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from fleet.models import Node
from tests.wopr.processes import closed_port, run
from wopr import doctor
from wopr.doctor import Finding

pytestmark = pytest.mark.django_db
NOWHERE = f"127.0.0.1:{closed_port()}"


def found() -> dict[str, Finding]:
    return {finding.name: finding for finding in doctor.findings()}


def examined(name: str) -> Finding:
    [check] = [check for check in doctor.CHECKS if check.name == name]
    return doctor.examine(check)


def is_ill(finding: Finding, remedy: str) -> bool:
    assert not finding.good, finding
    assert remedy in finding.fix
    return True


def test_what_is_there_is_found_well_and_what_is_not_comes_with_a_remedy(node: Node) -> None:
    """Among the parts of this stack everything is there but the web process."""
    findings = found()

    well = {name for name, finding in findings.items() if finding.good}
    assert {
        "clock", "disk", "edge", "dns", "stripe", "e-mail", "authentik", "provider hetzner",
        "provider digitalocean", "engine local", "registry (local)",
    } <= well  # fmt: skip
    assert is_ill(findings["webhook"], "does a worker run")
    assert "noeviction" in findings["broker"].seen or findings["broker"].good


def test_a_token_that_cloudflare_does_not_know(settings: Any) -> None:
    settings.CLOUDFLARE_API_TOKEN = "another"
    assert is_ill(examined("dns"), "CLOUDFLARE_API_TOKEN")


def test_a_zone_that_the_token_does_not_open(settings: Any) -> None:
    settings.CLOUDFLARE_MORE_ZONES = ["somebody-elses.example"]
    finding = examined("dns")
    assert is_ill(finding, "CLOUDFLARE_ZONE")
    assert "somebody-elses.example" in finding.seen


def test_a_key_that_stripe_does_not_know(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_of_somebody_else"
    assert is_ill(examined("stripe"), "STRIPE_SECRET_KEY")


def test_a_token_that_authentik_does_not_know(settings: Any) -> None:
    settings.AUTHENTIK_API_TOKEN = "another"
    finding = examined("authentik")
    assert not finding.good
    assert "AUTHENTIK_API_TOKEN" in finding.fix


def test_a_group_of_staff_that_authentik_does_not_have(settings: Any) -> None:
    settings.AUTHENTIK_STAFF_GROUP = "nobodys"
    assert "no group nobodys" in examined("authentik").seen


def test_single_sign_on_that_nobody_wants_is_nothing_to_mend(settings: Any) -> None:
    settings.AUTHENTIK_API_TOKEN = ""
    assert examined("authentik") == Finding(
        "authentik", True, "not configured; bots are opened without single sign-on"
    )


def test_a_broker_that_is_away(settings: Any) -> None:
    settings.REDIS_URL = f"redis://{NOWHERE}/0"
    assert is_ill(examined("broker"), "REDIS_URL")


def test_an_edge_that_is_away(settings: Any) -> None:
    settings.CADDY_ADMIN_URL = f"http://{NOWHERE}"
    assert is_ill(examined("edge"), "CADDY_ADMIN_URL")


def test_an_engine_that_is_away(node: Node) -> None:
    Node.objects.update(engine_url="unix:///nowhere/docker.sock")
    assert is_ill(found()["engine local"], "Is the engine up")


def test_a_registry_that_is_away(node: Node, settings: Any) -> None:
    settings.WOPR_BOT_IMAGE = f"{NOWHERE}/wopr:latest"
    findings = found()
    assert findings["engine local"].good
    assert is_ill(findings["registry (local)"], "WOPR_BOT_IMAGE")


def test_a_token_that_a_provider_does_not_know(settings: Any) -> None:
    settings.HETZNER_API_TOKEN = "another"
    findings = found()
    assert is_ill(findings["provider hetzner"], "new token at hetzner")
    assert findings["provider digitalocean"].good


def test_a_mail_server_that_is_away(settings: Any) -> None:
    settings.EMAIL_PORT = closed_port()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert is_ill(examined("e-mail"), "EMAIL_URL")


def test_a_database_that_was_not_migrated(settings: Any) -> None:
    """The tests' tables are made from the models, and no migration is noted there."""
    settings.MIGRATION_MODULES = {}
    finding = examined("database")
    assert is_ill(finding, "manage.py migrate")
    assert "migrations are not applied" in finding.seen


def test_a_disk_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK_PERCENT", 0)
    assert is_ill(examined("disk"), "WOPR_BACKUP_REPOSITORY")


class OfYesterday(BaseHTTPRequestHandler):
    """Whoever asks is a day ahead."""

    def do_GET(self) -> None:
        self.send_error(401)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return "Sat, 21 Nov 2020 08:00:00 GMT"

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def yesterday() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), OfYesterday) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_clock_that_is_wrong(yesterday: str, settings: Any) -> None:
    settings.STRIPE_API_URL = yesterday
    assert is_ill(examined("clock"), "NTP")


def test_stripe_being_away_is_not_the_clocks_fault(settings: Any) -> None:
    settings.STRIPE_API_URL = f"http://{NOWHERE}"
    assert examined("clock").good
    assert is_ill(examined("stripe"), "STRIPE_SECRET_KEY")


def test_a_webhook_that_no_worker_takes_up(
    live_server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "WORKER_SECONDS", 0.5)
    settings.WOPR_DASHBOARD_URL, settings.WOPR_EDGE_PROBE_ADDRESS = live_server.url, ""
    finding = examined("webhook")
    assert is_ill(finding, "does a worker run")
    assert "no worker took the delivery up" in finding.seen


def test_a_webhook_secret_that_the_web_process_does_not_share(live_server: Any) -> None:
    told = told_by_command(
        WOPR_DASHBOARD_URL=live_server.url, STRIPE_WEBHOOK_SECRET="whsec_of_another_endpoint"
    )
    assert "the front door answered 400" in told["webhook"]
    assert "STRIPE_WEBHOOK_SECRET" in told["webhook"]


def test_when_everything_is_away_the_command_says_what_to_do_about_each() -> None:
    told = told_by_command(
        DATABASE_URL=f"postgres://wopr@{NOWHERE}/wopr",
        REDIS_URL=f"redis://{NOWHERE}/0",
        HETZNER_API_TOKEN="another",
        HETZNER_API_URL=f"http://{NOWHERE}",
        WOPR_DASHBOARD_URL=f"http://{NOWHERE}",
    )
    for name, remedy in {
        "database": "DATABASE_URL",
        "broker": "REDIS_URL",
        "clock": "NTP",
        "edge": "CADDY_ADMIN_URL",
        "dns": "CLOUDFLARE_API_TOKEN",
        "stripe": "STRIPE_SECRET_KEY",
        "webhook": "front door",
        "e-mail": "EMAIL_URL",
        "provider hetzner": "token",
    }.items():
        assert remedy in told[name]


def told_by_command(**environment: str) -> dict[str, str]:
    """What `manage.py doctor` says of what fails, and about its remedy, in a process of its own."""
    away = {
        "WOPR_ENV": "development",
        "CADDY_ADMIN_URL": f"http://{NOWHERE}",
        "CLOUDFLARE_API_URL": f"http://{NOWHERE}",
        "STRIPE_API_URL": f"http://{NOWHERE}",
        "EMAIL_URL": f"smtp://{NOWHERE}",
    }
    ended = run("manage.py", "doctor", **{**away, **environment})
    assert ended.returncode == 1, ended.stderr
    findings = ended.stdout.split("FAIL  ")[1:]
    return {name: text for name, _, text in (finding.partition(":") for finding in findings)}


def test_no_secret_is_told(settings: Any, node: Node) -> None:
    text = " ".join(f"{finding.seen} {finding.fix}" for finding in found().values())
    for secret in (settings.STRIPE_SECRET_KEY, settings.CLOUDFLARE_API_TOKEN, settings.SECRET_KEY):
        assert secret not in text
