"""The quadlets: Podman's generator takes them, systemd finds nothing wrong, they are hardened."""

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.stack.packages import quadlet_generator
from tests.wopr.processes import ROOT

UNITS = ROOT / "containers" / "systemd"
CONTAINERS = sorted(UNITS.glob("*.container"))
HAVE_THE_ENGINE = {"wopr-worker", "wopr-follower"}


class Multiple(dict):  # type: ignore[type-arg]
    """Keys that may come several times, as in systemd's files."""

    def __setitem__(self, key: str, value: object) -> None:
        if isinstance(value, list) and key in self:
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def read(unit: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, dict_type=Multiple)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    return parser


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("units")
    told = subprocess.run(
        [quadlet_generator(), "-no-kmsg-log", folder],
        env={**os.environ, "QUADLET_UNIT_DIRS": str(UNITS)}, capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    for timer in UNITS.glob("*.timer"):
        shutil.copy(timer, folder)
    return folder


def test_podman_makes_a_service_of_each_container(generated: Path) -> None:
    services = {unit.stem for unit in generated.glob("*.service")}
    assert {unit.stem for unit in CONTAINERS} <= services
    assert {"wopr-orc", "wopr-worker", "wopr-beat", "wopr-provider-health"} <= services


def test_systemd_finds_nothing_wrong(generated: Path) -> None:
    units = [*generated.glob("*.service"), *generated.glob("*.timer")]
    told = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True
    )
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.parametrize("unit", CONTAINERS, ids=lambda unit: unit.stem)
def test_a_container_is_hardened_and_limited(unit: Path) -> None:
    told = read(unit)["Container"]
    assert (told["ReadOnly"], told["DropCapability"]) == ("true", "all")
    assert told["User"] not in ("0", "root")
    assert "--memory=" in told["PodmanArgs"]
    assert "--cpus=" in told["PodmanArgs"]
    assert int(told["PidsLimit"]) <= 300
    assert told["AutoUpdate"] == "registry"
    # Caddy's program has the one capability that ports below 1024 need, and would lose it.
    assert told.get("NoNewPrivileges") == ("true" if unit.stem != "wopr-caddy" else None)


@pytest.mark.parametrize(
    "unit", [*CONTAINERS, *sorted(UNITS.glob("*.volume"))], ids=lambda unit: unit.name
)
def test_what_the_platform_is_made_of_is_not_taken_for_a_strange_bot(unit: Path) -> None:
    assert "\nLabel=wopr.deployment=(platform)\n" in unit.read_text()


@pytest.mark.parametrize("unit", CONTAINERS, ids=lambda unit: unit.stem)
def test_only_workers_have_the_engine_and_all_ports_are_on_loopback(unit: Path) -> None:
    text = unit.read_text()
    assert ("podman.sock" in text) == (unit.stem in HAVE_THE_ENGINE)
    published = [line for line in text.splitlines() if line.startswith("PublishPort=")]
    assert all(line.startswith("PublishPort=127.0.0.1:") for line in published)


def test_the_providers_are_looked_at_four_times_a_day_and_after_a_boot() -> None:
    timer = (UNITS / "wopr-provider-health.timer").read_text()
    assert "OnCalendar=*-*-* 00,06,12,18:00:00" in timer
    assert "OnBootSec=5min" in timer
    assert "RandomizedDelaySec=" in timer


def test_the_dashboard_is_on_port_8001() -> None:
    assert read(UNITS / "wopr-orc.container")["Container"]["PublishPort"] == "127.0.0.1:8001:8000"
