"""A gateway and GPU nodes that really listen, in threads of the test's process."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from django.db import connections

from fleet.models import Instance
from gpu.callers import _known
from gpu.inference.app import application
from gpu.models import GpuNode, Service
from sandbox.inference.services import Machine, service

DEADLINE = 15.0


class Served:
    """An ASGI application on a loopback port of its own."""

    def __init__(self, app: Any, *, host: str = "127.0.0.1", port: int = 0, **tls: str) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(app, host=host, port=port, log_config=None, lifespan="on", **tls)  # type: ignore[arg-type]
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started, "the server to start")
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=DEADLINE)
        assert not self._thread.is_alive()


def wait_until(seen: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not seen():
        assert time.monotonic() < end, f"waited {DEADLINE:.0f} s for {what}"
        time.sleep(0.02)


@dataclass
class Node:
    """One GPU node of the test: its row, its machine's feelings, where it listens."""

    row: GpuNode
    machine: Machine
    served: Served


@pytest.fixture
def gpu_node(transactional_db: None) -> Iterator[Callable[..., Node]]:
    """Makes nodes whose services are all answered by one stand-in."""
    made: list[Node] = []

    def make(name: str = "gpu-1", state: str = Service.State.READY, **feelings: Any) -> Node:
        row = GpuNode.objects.create(name=name, address="127.0.0.1", stage=GpuNode.Stage.DONE)
        machine = Machine(token=row.inference_token, **feelings)
        served = Served(service(machine))
        for kind in Service.Kind:
            Service.objects.create(node=row, kind=kind, port=served.port, state=state)
        made.append(Node(row, machine, served))
        return made[-1]

    yield make
    for node in made:
        node.served.stop()


@pytest.fixture
def gateway(transactional_db: None) -> Iterator[Callable[[], str]]:
    """Starts the gateway once its nodes are there; returns its address."""
    running: list[Served] = []

    def start() -> str:
        _known.clear()
        running.append(Served(application()))
        return running[-1].url

    yield start
    for served in running:
        served.stop()
    connections.close_all()


@pytest.fixture
def bot(transactional_db: None, instance: Instance) -> dict[str, str]:
    """What Alice's bot sends along."""
    Instance.objects.filter(pk=instance.pk).update(status=Instance.Status.RUNNING)
    return {"Authorization": f"Bearer {instance.platform_token}"}


@pytest.fixture
def ask(
    gateway: Callable[[], str], gpu_node: Callable[..., Node], bot: dict[str, str]
) -> Callable[..., httpx.Response]:
    """Asks a gateway that has one ready node."""
    gpu_node()
    url = gateway()

    def post(path: str = "chat/completions", **body: Any) -> httpx.Response:
        if path == "chat/completions":
            body.setdefault("messages", [{"role": "user", "content": "Shall we play a game?"}])
        return httpx.post(f"{url}/v1/{path}", json=body, headers=bot, timeout=DEADLINE)

    return post


@pytest.fixture(autouse=True)
def no_node_by_hand(settings: Any) -> None:
    """The stack around the tests has one; here each test makes its own."""
    settings.GPU_NODE_HOST = ""
