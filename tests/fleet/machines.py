"""Other machines with engines: one in a network of its own, and this one through its SSH door."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from fleet.models import Node
from sandbox.stack.engines import OtherMachine, other_machine
from tests.conftest import free_port
from tests.stack.processes import eventually


@pytest.fixture(scope="session")
def machine() -> Iterator[OtherMachine]:
    """Pulls from this stack's registry by its name, as every node does."""
    registry = int(os.environ["WOPR_STACK_REGISTRY"].rpartition(":")[2])
    with other_machine(reaching=(registry,)) as machine:
        yield machine


@pytest.fixture
def far(db: None, machine: OtherMachine) -> Iterator[Node]:
    """The node of the other machine, reached over the cable with certificates; left empty."""
    pair = machine.authority.pair("wopr", "client")
    yield Node.objects.create(
        name="far",
        engine_url=machine.tls_url,
        tls_ca=machine.authority.certificate,
        tls_certificate=pair.certificate,
        tls_key=pair.key,
        address=machine.address,
        memory_mb=8192,
    )
    machine.come_back()
    _empty(machine.engine.client().api)


@pytest.fixture
def there(machine: OtherMachine) -> Iterator[docker.APIClient]:
    """The other machine's engine, looked at directly."""
    client = machine.engine.client()
    yield client.api
    client.close()


def _empty(api: docker.APIClient) -> None:
    for container in api.containers(all=True):
        api.remove_container(container["Id"], force=True, v=True)
    for volume in api.volumes()["Volumes"] or []:
        api.remove_volume(volume["Name"], force=True)


@dataclass(frozen=True)
class Door:
    """An SSH server, and what it takes to pass it."""

    url: str
    host_key: str
    key: str
    folder: Path


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """sshd of OpenSSH on loopback; behind it the CLI finds this stack's engine."""
    port = free_port()
    for name in ("host", "client"):
        _keygen(tmp_path / name)
    shutil.copy(tmp_path / "client.pub", tmp_path / "authorized")
    (tmp_path / "sshd_config").write_text(_config(tmp_path, port))
    Path("/run/sshd").mkdir(exist_ok=True)
    command = [shutil.which("sshd") or "sshd", "-D", "-e", "-f", str(tmp_path / "sshd_config")]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, stderr=log)
    try:
        eventually(lambda: "listening" in (tmp_path / "log").read_text(), "sshd to listen")
        host_key = (tmp_path / "host.pub").read_text()
        key = (tmp_path / "client").read_text()
        yield Door(f"ssh://root@127.0.0.1:{port}", host_key, key, tmp_path)
    finally:
        server.terminate()
        server.wait()


def _keygen(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def _config(folder: Path, port: int) -> str:
    return f"""
        ListenAddress 127.0.0.1:{port}
        HostKey {folder}/host
        AuthorizedKeysFile {folder}/authorized
        PasswordAuthentication no
        PermitRootLogin prohibit-password
        StrictModes no
        UsePAM no
        PidFile none
        LogLevel VERBOSE
        AcceptEnv DOCKER_CONFIG
        SetEnv DOCKER_HOST={os.environ["WOPR_STACK_ENGINE"]}
    """
