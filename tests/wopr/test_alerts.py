"""When somebody hears of what: the rules as Prometheus itself judges them over time."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.stack.packages import unpacked

MONITORING = Path(__file__).resolve().parents[2] / "containers" / "monitoring"
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
}
# What is measured each half minute, in Prometheus's words; when all is quiet still, and when not.
API, UI = (f'up{{job="wopr",part="{part}"}}' for part in ("platform-api", "platform-ui"))
BROKER, OTHER_BROKER = (f'wopr_broker_connected{{instance="{name}"}}' for name in ("one", "other"))
CANARY, BEAT = (f'wopr_heartbeat_age_seconds{{name="{name}"}}' for name in ("canary", "beat"))
OLDEST = 'wopr_operation_oldest_seconds{state="running"}'
OVERDUE, UNPROVEN = "wopr_backups_overdue", "wopr_backups_unproven"
DOWN, DEGRADED = (
    f'wopr_provider_state{{provider="hetzner",state="{state}"}}' for state in ("down", "degraded")
)
TROUBLE: dict[str, tuple[dict[str, str], str, str]] = {
    "PlatformDown": ({API: "1x4 0x20", UI: "1x9 0x20"}, "6m", "7m30s"),
    "CanarySilent": ({CANARY: "0+30x30"}, "6m", "7m"),
    "BeatSilent": ({BEAT: "0+30x30"}, "3m", "4m"),
    "BrokerAway": ({BROKER: "1x40", OTHER_BROKER: "0x40"}, "4m", "6m"),
    "QueueGrows": ({"wopr_queue_messages": "501x40"}, "9m", "11m"),
    "OperationsWait": ({"wopr_operations_due_seconds": "0+30x30"}, "7m", "8m"),
    "OperationStuck": ({OLDEST: "7170+30x9"}, "30s", "2m"),
    "BotsFailed": ({'wopr_instances{status="failed"}': "1x60"}, "9m", "11m"),
    "MachineSilent": ({"wopr_nodes_unreachable": "1x40"}, "4m", "6m"),
    "Leak": ({"wopr_leaks": "0x9 1x90"}, "33m", "36m"),
    "Drift": ({"wopr_drifts": "1x200"}, "59m", "61m"),
    "WebhooksLag": ({"wopr_webhook_lag_seconds": "870+30x9"}, "30s", "2m"),
    "StripeDiffers": ({"wopr_stripe_differences": "1x200"}, "59m", "61m"),
    "LettersWait": ({"wopr_messages_unsent": "21x90"}, "29m", "31m"),
    "ActionStopped": ({"wopr_breakers_tripped": "0x3 1x9"}, "1m", "2m"),
    "RolloutHalted": ({"wopr_rollouts_halted": "0x3 1x9"}, "1m", "2m"),
    "CrashLoops": ({"wopr_crash_loops": "4x60"}, "9m", "11m"),
    "BackupsOverdue": ({OVERDUE: "0x900", UNPROVEN: "1x900"}, "359m", "361m"),
    "ProviderDown": ({DOWN: "1x60"}, "9m", "11m"),
}  # fmt: skip
# Not enough to wake anybody: the same for as long as you like.
CALM: dict[str, str] = {
    API: "0x900", UI: "1x900",
    CANARY: "300x900",
    BEAT: "120x900",
    BROKER: "1x900",
    "wopr_queue_messages": "500x900",
    "wopr_operations_due_seconds": "300x900",
    OLDEST: "7200x900",
    'wopr_instances{status="failed"}': "0x900",
    'wopr_instances{status="running"}': "9x900",
    "wopr_webhook_lag_seconds": "900x900",
    "wopr_messages_unsent": "20x900",
    "wopr_crash_loops": "3x900",
    DEGRADED: "1x900",
}  # fmt: skip


def promtool(*words: str | Path) -> None:
    program = unpacked("prometheus") / "usr" / "bin" / "promtool"
    ended = subprocess.run([program, *words], capture_output=True, text=True)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"


def judge(folder: Path, series: dict[str, str], expected: list[dict[str, Any]]) -> None:
    """Have the rules look at these series, and compare which alerts fire when."""
    measured = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "30s", "input_series": measured, "alert_rule_test": expected}
    asked = {"rule_files": [str(MONITORING / "alerts.yaml")], "evaluation_interval": "30s"}
    (folder / "asked.yaml").write_text(yaml.safe_dump({**asked, "tests": [test]}))
    promtool("test", "rules", folder / "asked.yaml")


def alerts(name: str, at: str, **labels: str) -> dict[str, Any]:
    return {"alertname": name, "eval_time": at, "exp_alerts": [told(name, labels)]}


def silence(name: str, at: str) -> dict[str, Any]:
    return {"alertname": name, "eval_time": at, "exp_alerts": []}


def told(name: str, labels: dict[str, str]) -> dict[str, Any]:
    rule = RULES[name]
    return {"exp_labels": rule["labels"] | labels, "exp_annotations": rule["annotations"]}


def test_prometheus_accepts_what_it_is_given() -> None:
    promtool("check", "config", MONITORING / "prometheus.yaml")


@pytest.mark.parametrize("name", RULES)
def test_trouble_is_told_in_time_and_not_before(name: str, tmp_path: Path) -> None:
    series, quiet, late = TROUBLE[name]
    labels = {"provider": "hetzner"} if name == "ProviderDown" else {}
    judge(tmp_path, series, [silence(name, quiet), alerts(name, late, **labels)])


def test_nobody_is_woken_by_what_is_usual(tmp_path: Path) -> None:
    judge(tmp_path, CALM, [silence(name, "440m") for name in RULES])
