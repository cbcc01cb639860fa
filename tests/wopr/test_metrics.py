"""What Prometheus reads from inside, and nobody reads from outside."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from fleet.models import Instance, Leak, Operation, ProviderHealth
from fleet.operations import ledger
from fleet.tasks import operation_run
from wopr.common import breaker
from wopr.common.models import Breaker
from wopr.common.queue import wake
from wopr.tasks import canary

pytestmark = pytest.mark.django_db
MONITORING = Path(__file__).resolve().parents[2] / "containers" / "monitoring"
NAME = re.compile(r"\b(?:(?:wopr|django)_[a-z_]+|up)\b(?!\")")


def read() -> dict[str, float]:
    """The gauges as they are printed: name with labels, and value."""
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def an_operation(instance: Instance) -> Operation:
    return Operation.objects.create(
        kind="provision", subject_kind="instance", subject_id=instance.pk, tenant=instance.tenant
    )


def test_a_leak_shows_with_what_it_costs(instance: Instance) -> None:
    assert read()["wopr_leaks"] == 0
    leak = {"step": "x", "resource": "hetzner 1", "cost_per_day": 2}
    Leak.objects.create(operation=an_operation(instance), **leak)

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


def test_the_canary_and_the_broker_are_there() -> None:
    canary()
    seen = read()
    assert seen['wopr_heartbeat_age_seconds{name="canary"}'] < 60
    assert seen["wopr_broker_connected"] == 1


@pytest.mark.django_db(transaction=True)
def test_wake_ups_that_wait_are_counted_in_both_queues() -> None:
    before = read()["wopr_queue_messages"]
    wake(canary)
    wake(operation_run, "00000000-0000-0000-0000-000000000000")
    assert read()["wopr_queue_messages"] == before + 2


def test_an_action_that_was_stopped_shows_until_somebody_approves_it() -> None:
    assert not breaker.admits(action="bots: end", wanted=9, lately=0, tenants=9)
    assert read()["wopr_breakers_tripped"] == 1
    breaker.approve(action="bots: end", by="staff")
    assert read()["wopr_breakers_tripped"] == 0
    # Stopped again a day later: the row is the one of before.
    Breaker.objects.update(approved_until=None)
    assert not breaker.admits(action="bots: end", wanted=9, lately=0, tenants=9)
    assert read()["wopr_breakers_tripped"] == 1


def test_requests_are_counted() -> None:
    Client().get("/api/live")
    assert any(name.startswith("django_http_requests_total_by_method") for name in read())


def test_nothing_is_told_to_what_came_through_the_edge() -> None:
    assert Client().get("/metrics", headers={"x-forwarded-host": "wopr.bot"}).status_code == 404


def expressions() -> list[str]:
    """What alerts and dashboard ask."""
    asked = [rule["expr"] for rule in rules()]
    for file in MONITORING.glob("grafana/dashboards/*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            asked += [target["expr"] for target in panel.get("targets", [])]
    return asked


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_alerts_and_the_dashboard_ask_for_gauges_and_labels_that_exist(instance: Instance) -> None:
    canary()
    Leak.objects.create(operation=an_operation(instance), step="x", resource="x", cost_per_day=2)
    ProviderHealth.objects.create(name="hetzner")
    Client().get("/api/live")
    known: dict[str, set[str]] = {"up": {"job"}}
    for sample in read():
        name, _, labels = sample.partition("{")
        known.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))

    asked = expressions()

    assert len(asked) > 20
    for expression in asked:
        assert expression.count("(") == expression.count(")"), expression
        names = NAME.findall(expression)
        assert names, expression
        assert set(names) <= known.keys(), expression
        wanted = re.findall(r"by \((\w+)\)|[{,]\s*(\w+)\s*=~?", expression)
        labels = {one or other for one, other in wanted}
        assert labels <= set().union(*(known[name] for name in names)), expression


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    guide = (MONITORING.parents[1] / "docs" / "operations.md").read_text()
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert f"## {rule['annotations']['recipe']}\n" in guide, rule["alert"]
