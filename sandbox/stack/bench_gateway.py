"""The gateway's part of `make bench`: what it adds to a proxy that does nothing but pass on.

The same requests go through the gateway and through a bare ASGI proxy by httpx, to the same
stand-in for llama.cpp, all as processes of their own. Run by `bench` among the parts, without the
product's other processes.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import httpx

from sandbox.stack.places import REPOSITORY

REQUESTS, ROUNDS, STREAMS = 60, 12, 500
MOST_ADDED_MS, HIGHEST_TTFB_RATIO = 1.5, 1.2
ASK = {"messages": [{"role": "user", "content": "Shall we play a game?"}], "max_tokens": 8}


def main() -> int:
    """Measure, print, and fail when one of the figures is worse than it should be."""
    import django

    django.setup()
    with ExitStack() as parts:
        upstream = parts.enter_context(served("sandbox.stack.bench_upstream:upstream"))
        bare = parts.enter_context(served("sandbox.stack.bench_upstream:proxy", to=upstream.url))
        token = one_bot(upstream.port)
        gateway = parts.enter_context(served("gpu.inference.asgi:application"))
        headers = {"Authorization": f"Bearer {token}"}
        straight, ours = whole_requests(bare.url, gateway.url, headers)
        first, our_first = first_bytes(bare.url, gateway.url, headers)
        memory = asyncio.run(many_streams(gateway, headers))
    added, ratio = (ours - straight) * 1e3, our_first / first
    print(f"\ninference gateway: a request through a bare proxy {straight * 1e3:.2f} ms,")
    print(f"  through the gateway {ours * 1e3:.2f} ms, that is added {added:.2f} ms")
    print(f"                                 (at most {MOST_ADDED_MS} ms)")
    print(f"  first byte of a stream         {ratio:6.2f}    (at most {HIGHEST_TTFB_RATIO})")
    print(f"  {STREAMS} streams at once           {memory / 1024:6.0f} kB of memory for each")
    return int(added > MOST_ADDED_MS or ratio > HIGHEST_TTFB_RATIO)


class Server:
    """One ASGI application in a process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process, self.port = process, port
        self.url = f"http://127.0.0.1:{port}"

    def memory(self) -> int:
        """Return the bytes that it has in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(r.split()[1]) for r in status.splitlines() if r.startswith("VmRSS")) * 1024


@contextmanager
def served(application: str, *, to: str = "") -> Iterator[Server]:
    """Serve it as production does, and wait until it answers."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", application, "--port", str(port)]
    quiet = ["--no-access-log", "--no-server-header", "--log-level", "warning"]
    environment = {**os.environ, "BENCH_UPSTREAM": to, "WOPR_INFERENCE_RATE": str(10**6)}
    process = subprocess.Popen([*command, *quiet], cwd=REPOSITORY, env=environment)
    server = Server(process, port)
    try:
        wait_until_there(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_there(server: Server) -> None:
    """Return when it answers anything."""
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{server.url}/live", timeout=5, trust_env=False)
        except httpx.TransportError:
            assert time.monotonic() < deadline, f"{server.url} does not answer"
            time.sleep(0.05)
        else:
            return


def one_bot(upstream_port: int) -> str:
    """Write a bot that may ask without end, and a node that is ready. Return the bot's token."""
    from fleet.models import Instance, Node
    from gpu.models import Budget, GpuNode, Service
    from tenants.models import User
    from tenants.services import tenant_create

    owner = User.objects.create_user("bench@example.com")
    tenant = tenant_create(owner=owner, slug="bench", name="Bench")
    Budget.objects.create(tenant=tenant, allowed=10**15)
    bot = Instance.objects.create(
        tenant=tenant, slug="bench", node=Node.objects.get(), image="x", memory_mb=256,
        cpu_millis=500, pids=128, disk_gb=1, host_port=1, status=Instance.Status.RUNNING,
    )  # fmt: skip
    node = GpuNode.objects.create(name="bench", address="127.0.0.1", stage=GpuNode.Stage.DONE)
    Service.objects.create(node=node, kind="llama", port=upstream_port, state=Service.State.READY)
    return str(bot.platform_token)


def whole_requests(bare: str, ours: str, headers: dict[str, str]) -> tuple[float, float]:
    """Return the median seconds of a request, by turns through the one and the other."""
    found: dict[str, list[float]] = {bare: [], ours: []}
    with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
        for _ in range(ROUNDS):
            for url, times in found.items():
                for number in range(REQUESTS):
                    began = time.perf_counter()
                    answer = client.post(f"{url}/v1/chat/completions", json=ASK)
                    took = time.perf_counter() - began
                    assert answer.status_code == 200, answer.text
                    # The first of a round wake what slept.
                    if number >= REQUESTS // 5:
                        times.append(took)
    return median(found[bare]), median(found[ours])


def first_bytes(bare: str, ours: str, headers: dict[str, str]) -> tuple[float, float]:
    """Return the median seconds until the first token of a stream."""
    found: dict[str, list[float]] = {bare: [], ours: []}
    with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
        for _ in range(ROUNDS * 3):
            for url, times in found.items():
                began = time.perf_counter()
                asked = {**ASK, "stream": True}
                with client.stream("POST", f"{url}/v1/chat/completions", json=asked) as answer:
                    pieces = answer.iter_raw()
                    next(pieces)
                    times.append(time.perf_counter() - began)
                    list(pieces)
    return median(found[bare]), median(found[ours])


async def many_streams(gateway: Server, headers: dict[str, str]) -> float:
    """Return the bytes of memory that each of many streams at once takes in the gateway."""
    before = gateway.memory()
    begun = asyncio.Semaphore(0)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        headers=headers, timeout=60, limits=limits, trust_env=False
    ) as client:
        reading = (one_stream(client, gateway.url, begun) for _ in range(STREAMS))
        streams = [asyncio.create_task(each) for each in reading]
        for _ in range(STREAMS):
            await asyncio.wait_for(begun.acquire(), 60)
        during = gateway.memory()
        ends = await asyncio.gather(*streams)
    assert all(ends), f"{ends.count(False)} of {STREAMS} streams broke off"
    return (during - before) / STREAMS


async def one_stream(client: httpx.AsyncClient, url: str, begun: asyncio.Semaphore) -> bool:
    """Read a stream to its end; say whether it had one."""
    asked = {**ASK, "stream": True, "pauses": 1.0}
    last = b""
    async with client.stream("POST", f"{url}/v1/chat/completions", json=asked) as answer:
        async for piece in answer.aiter_raw():
            if not last:
                begun.release()
            last = piece
    return last.endswith(b"data: [DONE]\n\n")


if __name__ == "__main__":
    sys.exit(main())
