"""The fleet's part of `make bench`: what WOPR adds to the engine's own time.

Everything is measured against the raw engine in the same run: the same image, limits and network,
by the same number of processes. Run by `bench` as a process of its own among the parts.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import Any
from unittest.mock import patch

import httpx

WORKERS = 4
ROUNDS = 9
LOWEST_RATE, DEAREST_PASS, SLOWEST_PROVISION = 0.85, 3.0, 1.6
NAME = "wopr-raw-"


def main() -> int:
    """Measure, print, and fail when one of the figures is worse than it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["backlog", "provisioning"])
    parser.add_argument("--bots", type=int, default=100)
    options = parser.parse_args()
    set_up()
    return backlog(options.bots) if options.what == "backlog" else provisioning()


def set_up() -> None:
    """Load the product; in every process, whether it was forked or not."""
    import django

    django.setup()


def backlog(bots: int) -> int:
    """Tenants that have all paid wait for their bots; then all bots are looked at."""
    image = fetched()
    raw = bots / in_processes(partial(raw_bot, image), range(bots))
    clear(bots)
    operations = paid_tenants(bots)
    ours = bots / in_processes(work_off, operations)
    assert_running(bots)
    listing, looking, calls = observing()
    print(f"\n{bots} paid tenants, {WORKERS} processes")
    print(f"  raw engine {raw:5.2f} bots/s, WOPR {ours:5.2f} bots/s")
    print(f"  rate                           {ours / raw:6.2f}    (at least {LOWEST_RATE})")
    print(f"  raw listing {listing * 1e3:.1f} ms, a pass {looking * 1e3:.1f} ms, {calls} calls")
    print(f"  pass                           {looking / listing:6.2f}    (at most {DEAREST_PASS})")
    return int(ours / raw < LOWEST_RATE or looking / listing > DEAREST_PASS)


def provisioning() -> int:
    """From the accepted webhook to the first healthy answer, as the rows of real customers say."""
    from djstripe.models import WebhookEventTrigger

    from fleet.models import Operation

    waited = []
    for operation in Operation.objects.filter(kind="provision", state="succeeded"):
        told = WebhookEventTrigger.objects.filter(event__id=operation.correlation_id)
        healthy = operation.steps.get(name="wait_healthy").finished_at
        accepted = told.order_by("created").values_list("created", flat=True).first()
        if accepted and healthy:
            waited.append((healthy - accepted).total_seconds())
    image = fetched()
    raw = median([clock(partial(raw_bot, image, number)) for number in range(ROUNDS)])
    clear(ROUNDS)
    ratio = median(waited) / raw
    print(f"\nwebhook to first healthy answer: median {median(waited):.2f} s of {len(waited)}")
    print(f"  raw create, start, health      {raw:6.2f} s")
    print(f"  ratio                          {ratio:6.2f}    (at most {SLOWEST_PROVISION})")
    return int(ratio > SLOWEST_PROVISION)


def clock(act: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def in_processes(act: Callable[[Any], object], things: Any) -> float:
    """Do it to all, in as many processes as production's worker has; return the seconds it took."""
    with ProcessPoolExecutor(WORKERS, get_context("spawn"), set_up) as pool:
        list(pool.map(ready, range(WORKERS)))
        return clock(lambda: list(pool.map(act, things)))


def ready(_: int) -> None:
    """Let a process load what it needs before the clock matters to it."""
    import fleet.operations.runner  # noqa: F401


def fetched() -> str:
    """Have the image and the network there before the clock runs; return the image's digest."""
    from django.conf import settings

    from fleet.engines.docker import DockerEngine

    engine = DockerEngine(os.environ["WOPR_STACK_ENGINE"])
    engine.ensure_network(settings.WOPR_ENGINE_NETWORK, settings.WOPR_ENGINE_SUBNET)
    return engine.pull(settings.WOPR_BOT_IMAGE)


def raw_bot(image: str, number: int) -> None:
    """Create, start and hear a bot with nothing but the engine's API."""
    from fleet.engines.docker import DockerEngine
    from fleet.engines.docker.config import container_config

    api: Any = DockerEngine(os.environ["WOPR_STACK_ENGINE"])._api
    spec = raw_spec(image, number)
    api.create_container_from_config(container_config(api, spec), name=spec.name)
    api.start(spec.name)
    wait_healthy("{}:{}".format(*spec.publish))


def raw_spec(image: str, number: int) -> Any:
    """Say what a customer's bot is made of, for one that is nobody's."""
    from django.conf import settings

    from fleet.engines.base import ContainerSpec

    last = int(settings.WOPR_PORT_RANGE.split("-")[1])
    return ContainerSpec(
        name=f"{NAME}{number}",
        image=image,
        labels={"wopr.deployment": settings.WOPR_DEPLOYMENT},
        environment={"HOME": "/data", "WOPR_HOME": "/data", "WOPR_DAEMON_HOST": "0.0.0.0"},
        volume=f"{NAME}{number}",
        network=settings.WOPR_ENGINE_NETWORK,
        publish=("127.0.0.1", last - number),
        container_port=7437,
        memory_mb=256,
        cpu_millis=500,
        pids=128,
    )


def wait_healthy(upstream: str) -> None:
    """Return when the bot answers."""
    with httpx.Client(base_url=f"http://{upstream}", timeout=5, trust_env=False) as http:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if http.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
    raise AssertionError(f"{upstream} does not answer")


def clear(bots: int) -> None:
    """Remove the raw bots."""
    from fleet.engines.docker import DockerEngine

    engine = DockerEngine(os.environ["WOPR_STACK_ENGINE"])

    def remove(number: int) -> None:
        engine.remove_container(f"{NAME}{number}")
        engine.remove_volume(f"{NAME}{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(remove, range(bots)))


def paid_tenants(bots: int) -> list[str]:
    """Write what payment leaves: entitlements. Return the provisions that they ask for."""
    from billing.models import Entitlement, Plan
    from fleet import convergence
    from fleet.models import Node
    from tenants.models import User
    from tenants.services import tenant_create

    plan = Plan.objects.order_by("memory_mb").first()
    assert plan
    Node.objects.update(memory_mb=plan.memory_mb * bots)
    opened = []
    for number in range(bots):
        owner = User.objects.create_user(f"bench-{number}@example.com")
        tenant = tenant_create(owner=owner, slug=f"bench-{number}", name=f"Bench {number}")
        limits = {"memory_mb": 256, "cpu_millis": 500, "pids": 128, "disk_gb": plan.disk_gb}
        Entitlement.objects.create(tenant=tenant, plan=plan, status="active", bots=1, **limits)
        opened += convergence.tenant_converge(tenant_id=tenant.pk)
    return [str(operation.pk) for operation in opened]


def work_off(operation_id: str) -> None:
    """Bring one operation to its end, as a worker and the sweep would."""
    from uuid import UUID

    from fleet.models import Operation
    from fleet.operations import runner

    while Operation.objects.live().filter(pk=operation_id).exists():
        runner.run(UUID(operation_id))
        time.sleep(0.02)


def assert_running(bots: int) -> None:
    """Fail unless every tenant has its bot."""
    from fleet.models import Instance

    running = Instance.objects.filter(status="running").count()
    assert running == bots, f"{running} of {bots} bots run"


def observing() -> tuple[float, float, int]:
    """Return the median times of the raw listing and of a pass, and the calls of a pass."""
    import docker

    from fleet import drift
    from fleet.engines.registry import engine
    from fleet.models import Drift, Node

    node = Node.objects.get()
    api = engine(node)._quick_api  # type: ignore[attr-defined]
    calls: list[str] = []
    send = docker.APIClient.send

    def counted(client: Any, request: Any, **options: Any) -> Any:
        calls.append(request.url)
        return send(client, request, **options)

    drift.node_compare(node_id=node.pk)
    listing = median(
        [clock(lambda: (api.containers(all=True), api.volumes())) for _ in range(ROUNDS)]
    )
    looking = median([clock(lambda: drift.node_compare(node_id=node.pk)) for _ in range(ROUNDS)])
    with patch.object(docker.APIClient, "send", counted):
        drift.node_compare(node_id=node.pk)
    found = Drift.objects.filter(resolved_at=None).exclude(instance=None)
    assert not found.exists(), list(found)
    return listing, looking, len(calls)


if __name__ == "__main__":
    sys.exit(main())
