"""The gateway as it is deployed, in a process of its own, while the rest of the platform ends."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from django.db import connection
from django.db.models import Sum

from billing.models import UsageEvent
from gpu.models import Allowance, Hold
from sandbox.stack.places import REPOSITORY, Folder
from sandbox.stack.supervisor import Part, Supervisor
from sandbox.stack.valkey import start_valkey
from tests.conftest import free_port
from tests.gpu.conftest import DEADLINE, Node, wait_until

CHAT = {"messages": [{"role": "user", "content": "Shall we play a game?"}], "max_tokens": 8}
Environment = dict[str, str]


@pytest.fixture
def environment() -> Environment:
    """The tests' own, with their database."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    return {**os.environ, "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}"}


@contextmanager
def started(logs: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(logs)
    try:
        yield supervisor
    finally:
        supervisor.stop()


def served(
    name: str, application: str, live: str, port: int, environment: Environment
) -> tuple[Part, str]:
    """An ASGI application as a process, and its address."""
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port)]
    part = Part(
        name=name,
        command=command,
        environment=environment,
        folder=REPOSITORY,
        ready=lambda: is_there(f"{url}{live}"),
        timeout=120,
    )
    return part, url


def working(logs: Path, environment: Environment) -> Part:
    """A worker that has reached its broker."""
    log = logs / "worker.log"
    alone = ["--pool", "solo", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    return Part(
        name="worker",
        command=[sys.executable, "-m", "celery", "-A", "wopr", "worker", *alone],
        environment=environment,
        folder=REPOSITORY,
        ready=lambda: " ready." in log.read_text(),
        timeout=120,
    )


def is_there(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_a_stream_goes_on_and_is_billed_while_web_worker_and_redis_end(
    gpu_node: Callable[..., Node], bot: dict[str, str], environment: Environment, tmp_path: Path
) -> None:
    node = gpu_node(halts_after=3)
    with started(tmp_path / "gateway") as alone, started(tmp_path / "platform") as platform:
        first = free_port()
        broker = start_valkey(platform, Folder(tmp_path / "state"), first)
        environment["REDIS_URL"] = broker
        web, web_url = served("web", "wopr.asgi:application", "/api/live", first + 1, environment)
        gateway, url = served(
            "gateway", "gpu.inference.asgi:application", "/live", first + 2, environment
        )
        worker = working(platform.logs, environment)
        platform.start_together(
            lambda: platform.start(web),
            lambda: platform.start(worker),
            lambda: alone.start(gateway),
        )
        asked = {"url": f"{url}/v1/chat/completions", "headers": bot, "timeout": DEADLINE}

        with httpx.stream("POST", json={**CHAT, "stream": True}, **asked) as stream:
            lines = stream.iter_lines()
            begun = [next(lines) for _ in range(3)]
            platform.stop()
            assert not is_there(f"{web_url}/api/live")
            node.machine.halts_after = None
            rest = list(lines)
        whole = httpx.post(json=CHAT, **asked)

        assert not any("[DONE]" in line for line in begun)
        assert rest[-2] == "data: [DONE]"
        assert whole.status_code == 200
        wait_until(lambda: UsageEvent.objects.count() == 2, "the books")
    used = UsageEvent.objects.aggregate(tokens=Sum("quantity"))["tokens"]
    assert used == Allowance.objects.get().tokens > 2 * CHAT["max_tokens"]
    assert not Hold.objects.exists()
    assert "Traceback" not in (alone.logs / "gateway.log").read_text()
