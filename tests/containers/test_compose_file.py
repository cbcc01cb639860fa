"""Our own containers obey the rules of bots': hardened, limited, on loopback, no engine."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet import judging
from tests.wopr.processes import ROOT

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
MONITORING = ROOT / "containers" / "monitoring"
HAVE_THE_ENGINE = {"worker", "follower"}
ON_THE_MACHINE = {"worker", "follower", "caddy", "prometheus", "grafana"}


def test_everything_that_a_platform_needs_is_there() -> None:
    wanted = {"caddy", "platform-api", "platform-ui", "gateway", "worker", "beat", "postgres"}
    assert wanted | {"redis", "migrate", "follower"} <= SERVICES.keys()
    assert SERVICES["platform-api"]["deploy"]["replicas"] == "${WOPR_API_REPLICAS:-3}"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened_and_limited(name: str) -> None:
    service = SERVICES[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["user"].partition(":")[0] not in ("0", "root", "")
    assert not service.get("privileged")
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    if name == "caddy":
        assert service["cap_add"] == ["NET_BIND_SERVICE"]
    else:
        assert "cap_add" not in service
        assert "no-new-privileges:true" in service["security_opt"]


def test_what_the_platform_is_made_of_is_not_taken_for_a_strange_bot() -> None:
    """Machines are compared with the rows, and one that the platform itself is on as well."""
    assert judging.DEPLOYMENT == "wopr.deployment"
    for each in (*SERVICES.values(), *COMPOSE["volumes"].values()):
        # settings and entrypoint let no deployment be called so.
        assert each["labels"] == {"wopr.deployment": "(platform)"}


@pytest.mark.parametrize("name", SERVICES)
def test_only_workers_have_the_engine(name: str) -> None:
    mounted = " ".join(SERVICES[name].get("volumes", []))
    assert ("docker.sock" in mounted) == (name in HAVE_THE_ENGINE)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert (SERVICES[name].get("network_mode") == "host") == (name in ON_THE_MACHINE)


def test_no_secret_is_given_by_the_environment() -> None:
    words = ("PASSWORD", "SECRET", "TOKEN", "KEY")
    for name, service in SERVICES.items():
        for variable in service.get("environment") or {}:
            is_file = variable.endswith("_FILE")
            assert is_file or not any(word in variable for word in words), f"{name}: {variable}"


def test_redis_keeps_what_it_is_told() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "appendonly yes" in command
    assert "maxmemory-policy noeviction" in command


def test_prometheus_asks_everybody_whom_the_edge_asks_where_they_are_published() -> None:
    asked, edge = (SERVICES[name]["environment"] for name in ("prometheus", "caddy"))
    for name in ("WOPR_WEB_ADDRESS", "WOPR_API_ADDRESS", "CADDY_ADMIN_LISTEN"):
        assert asked[name] == edge[name]
        assert f"${name}" in (MONITORING / "start").read_text()
    [published] = SERVICES["platform-api"]["ports"]
    [(first, last)] = re.findall(r"WOPR_API_PORTS:-(\d+)-(\d+)", published)
    usual = " ".join(f"127.0.0.1:{port}" for port in range(int(first), int(last) + 1))
    assert asked["WOPR_API_ADDRESS"] == f"${{WOPR_API_ADDRESSES:-{usual}}}"
    assert SERVICES["platform-ui"]["ports"] == [f"{asked['WOPR_WEB_ADDRESS']}:8000"]


def test_grafana_reads_what_is_mounted_and_asks_prometheus_where_it_listens() -> None:
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    kept = mounted.pop("wopr-grafana")
    here = {there: ROOT / source for source, there in mounted.items()}
    provisioning = here["/etc/grafana/provisioning"]
    [provider] = provided(provisioning / "dashboards")["providers"]
    [source] = provided(provisioning / "datasources")["datasources"]
    shown = here[provider["options"]["path"]].glob("*.json")
    panels = [panel for file in shown for panel in json.loads(file.read_text())["panels"]]
    assert kept == "/var/lib/grafana"
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
    variable = source["url"].removeprefix("http://127.0.0.1:$")
    ports = {SERVICES[name]["environment"][variable] for name in ("grafana", "prometheus")}
    assert len(ports) == 1


def provided(folder: Path) -> Any:
    [file] = folder.glob("*.yaml")
    return yaml.safe_load(file.read_text())
