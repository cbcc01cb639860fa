"""What Prometheus sees of a project of Compose: parts, rules, panels, and an alert."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from sandbox.stack.compose_project import UP, Project
from sandbox.stack.journey import expect
from sandbox.stack.places import REPOSITORY
from sandbox.stack.supervisor import StackError, wait_until

PROMETHEUS = "prometheus"
DASHBOARDS = REPOSITORY / "containers" / "monitoring" / "grafana" / "dashboards"
# Two looks at everything, and one at the rules.
SECONDS = 150
# Who just came has none of these, and a rate of nothing is no number.
MAY_BE_WITHOUT_DATA = {"Leaks: cost a day"}
TRIPPED = "ActionStopped"
TRIP = """
from wopr.common import breaker
breaker.admits(action="what nobody wants", wanted=99, lately=0, tenants=99)
"""


@dataclass
class Metrics:
    """The profile's Prometheus, asked from outside."""

    project: Project

    def ask(self, path: str, **words: str) -> Any:
        """Return what its API answers."""
        address = f"http://127.0.0.1:{self.project.variables['WOPR_PROMETHEUS_PORT']}/api/v1/{path}"
        answer = httpx.get(address, params=words, timeout=30, trust_env=False)
        expect(answer.is_success, f"an answer from {path}", answer.text)
        return answer.json()["data"]

    def parts(self) -> dict[str, str]:
        """Return the health of each address that it asks, with the error if there is one."""
        targets = self.ask("targets")["activeTargets"]
        return {
            f"{each['labels']['part']} {each['labels']['instance']}": each["lastError"]
            or each["health"]
            for each in targets
        }

    def look(self) -> None:
        """See that rules can be evaluated, and that panels have data."""
        [group] = self.ask("rules")["groups"]
        ill = {rule["name"]: rule["lastError"] for rule in group["rules"] if rule["health"] != "ok"}
        expect(group["rules"] and not ill, "rules that can be evaluated", ill)
        panels = list(questions())
        for title, question in panels:
            has_data = partial(self.has_data, question, optional=title in MAY_BE_WITHOUT_DATA)
            wait_until(has_data, timeout=SECONDS, what=f"data for {title!r}")
        print(f"  monitoring: {len(group['rules'])} rules, {len(panels)} panels", flush=True)

    def has_data(self, question: str, *, optional: bool) -> bool:
        """Say whether a question is answered, and by numbers."""
        found = self.ask("query", query=question)["result"]
        return bool(found or optional) and all(each["value"][1] != "NaN" for each in found)

    def follow(self, *, replicas: int) -> None:
        """Wait until each part is asked where .env says that it is, and answers."""
        self.project.compose(*UP, "--no-deps", PROMETHEUS)
        everybody = replicas + len(("platform-ui", "caddy"))

        def all_up() -> bool:
            parts = self.parts()
            return len(parts) == everybody and set(parts.values()) == {"up"}

        try:
            wait_until(all_up, timeout=SECONDS, what=f"{everybody} parts to be up")
        except StackError as error:
            raise StackError(f"{error}: {self.parts()}") from error
        print(f"  monitoring: {everybody} parts are up", flush=True)

    def trip(self) -> None:
        """Do what somebody has to hear of."""
        self.project.manage("shell", "--command", TRIP)

    def wait_for_alert(self) -> None:
        """Wait until somebody would hear of it."""

        def fires() -> bool:
            alerts = self.ask("alerts")["alerts"]
            firing = [each["labels"] for each in alerts if each["state"] == "firing"]
            return any(labels["alertname"] == TRIPPED for labels in firing)

        wait_until(fires, timeout=SECONDS, what=f"{TRIPPED} to fire")
        print(f"  monitoring: {TRIPPED} fires", flush=True)


def watched(project: Project) -> Metrics:
    """Start what watches, early enough to have seen something later."""
    project.compose(*UP, "--no-deps", PROMETHEUS)
    return Metrics(project)


def questions() -> Iterator[tuple[str, str]]:
    """Yield the title of each panel with what it asks."""
    for file in DASHBOARDS.glob("*.json"):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel["targets"]:
                yield panel["title"], target["expr"]
