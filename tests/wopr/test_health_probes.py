"""What load balancers, monitors and people are told about the platform's health."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.wopr.processes import ask, closed_port
from wopr.common.models import Heartbeat
from wopr.tasks import canary

FIELDS = {
    "status",
    "timestamp",
    "providers",
    "stripe_configured",
    "database_connected",
    "email_configured",
    "dns_configured",
}


@pytest.mark.django_db
class TestWithEverythingThere:
    def test_health_tells_every_field_of_its_contract(self) -> None:
        canary()
        answer = Client().get("/api/health")
        told = answer.json()
        assert answer.status_code == 200
        assert told.keys() >= FIELDS
        assert told["status"] == "ok"
        assert datetime.fromisoformat(told["timestamp"]) - timezone.now() < timedelta(minutes=1)
        configured = ("stripe_configured", "email_configured", "dns_configured")
        assert [told[name] for name in (*configured, "database_connected")] == [True] * 4

    def test_health_tells_no_secret(self, settings: Any) -> None:
        text = Client().get("/api/health").content.decode()
        secrets = (settings.SECRET_KEY, settings.STRIPE_SECRET_KEY, settings.CLOUDFLARE_API_TOKEN)
        assert not [secret for secret in secrets if secret in text]

    @pytest.mark.parametrize(
        ("setting", "field"),
        [
            ("STRIPE_SECRET_KEY", "stripe_configured"),
            ("STRIPE_WEBHOOK_SECRET", "stripe_configured"),
            ("CLOUDFLARE_API_TOKEN", "dns_configured"),
            ("EMAIL_HOST", "email_configured"),
        ],
    )
    def test_what_is_not_configured_is_told(self, setting: str, field: str, settings: Any) -> None:
        setattr(settings, setting, "")
        assert Client().get("/api/health").json()[field] is False

    def test_whether_anybody_follows_logs_is_told(self) -> None:
        assert Client().get("/api/health").json()["log_follower_alive"] is False

        Heartbeat.objects.create(name="log follower", seen_at=timezone.now())

        assert Client().get("/api/health").json()["log_follower_alive"] is True

    def test_a_silent_canary_means_degraded(self) -> None:
        canary()
        Heartbeat.objects.update(seen_at=timezone.now() - timedelta(minutes=10))
        answer = Client().get("/api/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["worker_alive"] is False

    def test_a_canary_that_never_sang_means_degraded(self) -> None:
        assert Client().get("/api/health").json()["status"] == "degraded"

    def test_without_the_queue_it_is_degraded_and_still_serves(self, settings: Any) -> None:
        canary()
        away = {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{closed_port()}/0"}
        settings.CACHES = {"default": away}
        answer = Client().get("/api/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["broker_connected"] is False

    @pytest.mark.parametrize("path", ["/api/live", "/api/ready"])
    def test_the_process_is_live_and_ready(self, path: str) -> None:
        answer = Client().get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    @pytest.mark.parametrize("path", ["/api/live", "/api/ready", "/api/health"])
    def test_probes_only_read(self, path: str) -> None:
        assert Client().post(path).status_code == 405


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    """What a process answers that has no database."""
    paths = ("/api/health", "/api/ready", "/api/live", "/api/v1/plans")
    gone = f"postgres://wopr:x@127.0.0.1:{closed_port()}/wopr"
    return dict(zip(paths, ask(*paths, DATABASE_URL=gone), strict=True))


class TestWithoutTheDatabase:
    def test_health_is_503_and_says_why(self, answers: dict[str, dict[str, Any]]) -> None:
        answer = answers["/api/health"]
        assert answer["status"] == 503
        assert '"status": "down"' in answer["body"]
        assert '"database_connected": false' in answer["body"]

    def test_it_is_not_ready_and_yet_alive(self, answers: dict[str, dict[str, Any]]) -> None:
        assert answers["/api/ready"]["status"] == 503
        assert answers["/api/live"]["status"] == 200

    def test_the_api_says_that_nothing_was_changed(
        self, answers: dict[str, dict[str, Any]]
    ) -> None:
        answer = answers["/api/v1/plans"]
        assert answer["status"] == 503
        assert '"database_unavailable"' in answer["body"]
        assert "Nothing was changed" in answer["body"]


def test_probes_come_by_plain_http_where_all_else_is_sent_to_https() -> None:
    live, plans = ask("/api/live", "/api/v1/plans", scheme="http")
    assert (live["status"], plans["status"]) == (200, 301)
    assert plans["headers"]["Location"] == "https://wopr.bot/api/v1/plans"
