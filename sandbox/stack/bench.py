"""`make bench`: how long the stack takes to start, and a customer to a running bot."""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from sandbox.stack import journey
from sandbox.stack.bench_image import measure_image
from sandbox.stack.completion import ask_from_the_bot
from sandbox.stack.front_door import front_door
from sandbox.stack.infrastructure import Infrastructure, Wishes, started_infrastructure
from sandbox.stack.journey import Customer
from sandbox.stack.places import MACHINE
from sandbox.stack.product import prepare, start_product

FROM_PAYMENT = ("be_entitled", "watch_provisioning")
# What these expect is true of a stack with one customer only.
ALONE = (journey.look_behind, ask_from_the_bot)
STAGES = tuple(stage for stage in journey.STAGES if stage not in ALONE)


def bench(options: argparse.Namespace) -> int:
    """Measure a first start, a second one, and several customers one after the other."""
    with tempfile.TemporaryDirectory(prefix="wopr-bench-", dir=MACHINE) as folder:
        began = time.monotonic()
        with started_infrastructure(Wishes(folder=Path(folder), free_ports=True)) as parts:
            start_product(parts)
            first = time.monotonic() - began
        began = time.monotonic()
        with started_infrastructure(
            Wishes(folder=Path(folder), free_ports=True, keep=False)
        ) as parts:
            start_product(parts)
            second = time.monotonic() - began
            times = [play(parts, number) for number in range(options.customers)]
            provisioning = of_the_fleet(parts, "provisioning")
    print(f"\nfirst start {first:.1f} s, second start {second:.1f} s")
    print(f"{options.customers} customers, one after the other:   median    worst")
    for stage in STAGES:
        print_row(stage.__name__, [each[stage.__name__] for each in times])
    print_row("payment to bot", [sum(each[name] for name in FROM_PAYMENT) for each in times])
    return max(provisioning, edge_costs(), backlog(), gateway_costs(), watching_costs(), image())


def edge_costs() -> int:
    """Measure the edge among fresh parts; not 0 when it is slower than it should be."""
    with tempfile.TemporaryDirectory(prefix="wopr-bench-", dir=MACHINE) as folder:
        wishes = Wishes(folder=Path(folder), free_ports=True, keep=False)
        with started_infrastructure(wishes) as parts:
            command = [sys.executable, "-m", "sandbox.stack.bench_edge"]
            return parts.supervisor.run(command, parts.environment())


def gateway_costs() -> int:
    """Measure the inference gateway among fresh parts; not 0 when it adds more than it should."""
    return measured("sandbox.stack.bench_gateway")


def watching_costs() -> int:
    """Measure sweeps of services and listings of servers; not 0 when they take too long."""
    return measured("sandbox.stack.bench_watching")


def measured(module: str) -> int:
    """Run a measurement as a process of its own, with a database and without the product."""
    with tempfile.TemporaryDirectory(prefix="wopr-bench-", dir=MACHINE) as folder:
        wishes = Wishes(folder=Path(folder), free_ports=True, keep=False)
        with started_infrastructure(wishes) as parts:
            prepare(parts, parts.environment())
            return parts.supervisor.run([sys.executable, "-m", module], parts.environment())


def backlog() -> int:
    """Measure how fast many paid tenants get their bots, and a look at all of them."""
    with tempfile.TemporaryDirectory(prefix="wopr-bench-", dir=MACHINE) as folder:
        wishes = Wishes(folder=Path(folder), free_ports=True, keep=False)
        with started_infrastructure(wishes) as parts:
            prepare(parts, parts.environment())
            return of_the_fleet(parts, "backlog")


def image() -> int:
    """Measure the product's image: its size, and from nothing to the first answer."""
    with tempfile.TemporaryDirectory(prefix="wopr-bench-", dir=MACHINE) as folder:
        wishes = Wishes(folder=Path(folder), free_ports=True, keep=False)
        with started_infrastructure(wishes) as parts:
            prepare(parts, parts.environment())
            return measure_image(parts)


def of_the_fleet(parts: Infrastructure, what: str) -> int:
    """Run a part of the fleet's measurements among these parts."""
    command = [sys.executable, "-m", "sandbox.stack.bench_fleet", what]
    return parts.supervisor.run(command, parts.environment())


def play(parts: Infrastructure, number: int) -> dict[str, float]:
    """Let one more customer go all the way."""
    environment = parts.environment()
    with front_door(environment["WOPR_EDGE_CA_FILE"]) as browser:
        email, slug = f"customer-{number}@example.com", f"customer-{number}"
        print(f"\ncustomer {number}", flush=True)
        return journey.play(Customer(environment, browser, email=email, slug=slug), STAGES)


def print_row(name: str, seconds: list[float]) -> None:
    """Print one line of the table."""
    print(f"  {name.replace('_', ' '):<30} {median(seconds):6.2f} s {max(seconds):6.2f} s")
