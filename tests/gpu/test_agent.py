"""A GPU node's proxy and agent, as they are on the node: the real Caddy and the real script."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from gpu.gateways.agent import restart
from gpu.gateways.upstream import Upstream
from tests.conftest import free_port
from tests.gpu.conftest import wait_until
from wopr.common.errors import ProviderError

FOLDER = settings.BASE_DIR / "containers" / "gpu"
TOKEN = "the token of the node"  # (of a node that does not exist)


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def made_anew(tmp_path: Path, port: int) -> Iterator[Path]:
    """What the node's `docker` was told; the proxy in front of whisper listens at the port."""
    told, tools = tmp_path / "told", tmp_path / "bin"
    tools.mkdir()
    (tools / "docker").write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    (tools / "docker").chmod(0o755)
    socket = tmp_path / "agent.sock"
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "WOPR_AGENT_SOCKET": str(socket),
        "WOPR_INFERENCE_TOKEN": TOKEN,
        "HOME": str(tmp_path),
    }
    caddyfile = tmp_path / "Caddyfile"
    caddyfile.write_text(as_here((FOLDER / "Caddyfile").read_text(), socket, port))
    caddy = [Path(sys.executable).with_name("caddy"), "run", "--config", caddyfile]
    agent = [sys.executable, FOLDER / "agent.py"]
    running = [
        subprocess.Popen(c, env=environment) for c in (agent, [*caddy, "--adapter=caddyfile"])
    ]
    try:
        wait_until(socket.exists, "the agent")
        wait_until(lambda: is_open(port), "the proxy")
        yield told
    finally:
        for process in running:
            process.terminate()
            process.wait(timeout=10)


def as_here(caddyfile: str, socket: Path, port: int) -> str:
    """Without TLS, at a free port, and with the socket in the test's folder."""
    text = caddyfile.replace("\ttls /tls/proxy.pem /tls/proxy.key\n", "")
    text = text.replace("/run/wopr/agent.sock", str(socket)).replace(
        "https://:8082", f"http://:{port}"
    )
    for distance, other in enumerate(("8080", "8081", "8083"), 301):
        text = text.replace(f"https://:{other}", f"http://:{port + distance}")
    return text


def is_open(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/").status_code == 401
    except httpx.TransportError:
        return False


def test_the_service_behind_the_port_is_made_anew(made_anew: Path, port: int) -> None:
    restart(Upstream(f"http://127.0.0.1:{port}", TOKEN))
    wait_until(made_anew.exists, "the agent's command")
    assert made_anew.read_text() == (
        "compose --file /opt/wopr/docker-compose.gpu.yml"
        " up --detach --force-recreate --no-deps whisper\n"
    )


def test_nothing_is_restarted_without_the_nodes_token(made_anew: Path, port: int) -> None:
    with pytest.raises(ProviderError, match="401"):
        restart(Upstream(f"http://127.0.0.1:{port}", "another token"))
    assert not made_anew.exists()


def test_only_a_post_restarts_and_only_this_service(made_anew: Path, port: int) -> None:
    known = {"Authorization": f"Bearer {TOKEN}"}
    url = f"http://127.0.0.1:{port}"
    assert httpx.get(f"{url}/wopr/restart", headers=known).status_code == 501
    # Anything else goes to the service itself, which is not there.
    assert httpx.post(f"{url}/wopr/restart/llama", headers=known).status_code == 502
    assert httpx.post(f"{url}/restart/llama", headers=known).status_code == 502
    assert not made_anew.exists()
