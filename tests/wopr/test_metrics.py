"""What Prometheus reads from inside, and nobody reads from outside."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from fleet.models import Instance, Leak, Operation
from fleet.operations import ledger
from wopr.tasks import canary

pytestmark = pytest.mark.django_db
MONITORING = Path(__file__).resolve().parents[2] / "containers" / "monitoring"
NAME = re.compile(r"\b(?:wopr|django)_[a-z_]+\b")


def read() -> dict[str, float]:
    """The gauges as they are printed: name with labels, and value."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_a_leak_shows_with_what_it_costs(instance: Instance) -> None:
    assert read()["wopr_leaks"] == 0
    operation = Operation.objects.create(
        kind="provision", subject_kind="instance", subject_id=instance.pk, tenant=instance.tenant
    )
    Leak.objects.create(operation=operation, step="x", resource="hetzner 1", cost_per_day=2)

    seen = read()

    assert seen["wopr_leaks"] == 1
    assert seen['wopr_leaks_cost_per_day{currency="eur"}'] == 2


def test_an_operation_that_nobody_takes_up_shows_how_long_it_waits(instance: Instance) -> None:
    operation = ledger.operation_open(
        kind="provision", subject=instance, tenant=instance.tenant, cause="test"
    )
    late = timezone.now() - timedelta(minutes=10)
    Operation.objects.filter(pk=operation.pk).update(next_attempt_at=late)

    seen = read()

    assert seen['wopr_operations{state="queued"}'] == 1
    assert seen["wopr_operations_due_seconds"] >= 600


def test_the_canary_and_the_queue_are_there() -> None:
    canary()
    seen = read()
    assert seen['wopr_heartbeat_age_seconds{name="canary"}'] < 60
    assert seen["wopr_broker_connected"] == 1
    assert seen["wopr_queue_messages"] >= 0


def test_requests_are_counted() -> None:
    Client().get("/api/live")
    assert any(name.startswith("django_http_requests_total_by_method") for name in read())


def test_nothing_is_told_to_what_came_through_the_edge() -> None:
    assert Client().get("/metrics", headers={"x-forwarded-host": "wopr.bot"}).status_code == 404


def test_alerts_and_the_dashboard_ask_for_gauges_that_exist() -> None:
    canary()
    known = {re.split(r"[{ ]", name)[0] for name in read()}
    # Of the database's and the providers' some have no row yet.
    known |= {"wopr_leaks_cost_per_day", "wopr_provider_state"}
    asked = set()
    for file in (MONITORING / "alerts.yaml", *MONITORING.glob("grafana/dashboards/*.json")):
        asked |= set(NAME.findall(file.read_text()))
    assert len(asked) > 10
    assert asked - known == set()


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    guide = (MONITORING.parents[1] / "docs" / "operations.md").read_text()
    for rule in rules:
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert f"## {rule['annotations']['recipe']}\n" in guide, rule["alert"]
