"""Podman in place of dockerd on another machine: its Docker-compatible socket, and nothing else.

Its containers end with it: the guard ends whatever its processes left behind.
"""

import subprocess
import sys
from pathlib import Path

RUNTIME = Path(__file__).with_name("podman_runtime.py")

# Nothing of the machine's own Podman is used, nor left to it.
_CONTAINERS = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "lowered"
[engine.runtimes]
lowered = ["{folder}/runtime"]
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
_STORAGE = """
[storage]
driver = "overlay"
runroot = "{folder}/run"
graphroot = "{folder}/data"
"""
_REGISTRY = """
[[registry]]
location = "127.0.0.1:{port}"
insecure = true
"""


def podman_command(folder: Path, registries: tuple[int, ...]) -> list[str | Path]:
    """Write the settings, and return the command that listens at `docker.sock` in the folder."""
    runtime = folder / "runtime"
    runtime.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{RUNTIME}" "$@"\n')
    runtime.chmod(0o700)
    settings = {
        "CONTAINERS_CONF": _CONTAINERS.format(folder=folder),
        "CONTAINERS_STORAGE_CONF": _STORAGE.format(folder=folder),
        "CONTAINERS_REGISTRIES_CONF": "".join(_REGISTRY.format(port=p) for p in registries),
    }
    for name, text in settings.items():
        (folder / name).write_text(text)
    variables = [f"{name}={folder / name}" for name in settings]
    service: list[str | Path] = ["podman", "--tmpdir", folder / "tmp", "system", "service"]
    return ["env", *variables, *service, "--time=0", f"unix://{folder / 'docker.sock'}"]


def let_go(folder: Path) -> None:
    """Undo what Podman mounts, so that the folder can be deleted."""
    places = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in reversed([place for place in places if place.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", place], check=True)
