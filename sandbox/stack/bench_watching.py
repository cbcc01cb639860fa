"""The watching part of `make bench`: a sweep of many services, and listings of many servers.

Run by `bench` as a process of its own among the parts, without the product's processes.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

ENDPOINTS, SERVERS = 500, 2000
LONGEST_BEYOND = 1.0  # seconds after the time-out
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n"
    b'Connection: close\r\n\r\n{"status":"ok"}'
)


def main() -> int:
    """Measure, print, and fail when one of the figures is worse than it should be."""
    import django

    django.setup()
    return max(sweep(), *(listing(name) for name in ("digitalocean", "hetzner")))


def sweep() -> int:
    """Half of the services answer, the others take the connection and say nothing."""
    from gpu import probing
    from gpu.gateways.probes import LONGEST
    from gpu.models import GpuNode, Service

    with answering() as talking, silent() as mute:
        for number in range(ENDPOINTS):
            node = GpuNode.objects.create(
                name=f"bench-{number}", address="127.0.0.1", stage=GpuNode.Stage.DONE
            )
            port = talking if number % 2 else mute
            Service.objects.create(node=node, kind="llama", port=port, state=Service.State.READY)
        began = time.monotonic()
        probing.sweep()
        took = time.monotonic() - began
    missed = Service.objects.filter(misses=1).count()
    assert missed == ENDPOINTS // 2, f"{missed} of {ENDPOINTS} were missed"
    beyond = took - LONGEST
    print(f"\nsweep of {ENDPOINTS} services, half of them silent: {took:.2f} s")
    print(f"  beyond the time-out            {beyond:6.2f} s  (at most {LONGEST_BEYOND} s)")
    GpuNode.objects.all().delete()
    return int(beyond > LONGEST_BEYOND)


@contextmanager
def answering() -> Iterator[int]:
    """Serve a port that is well whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        threading.Thread(target=answer_all, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def answer_all(listener: socket.socket) -> None:
    """Answer one connection after the other."""
    while True:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        with line:
            line.recv(65536)
            line.sendall(ANSWER)


@contextmanager
def silent() -> Iterator[int]:
    """Serve a port that connects, by the kernel, and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield listener.getsockname()[1]


def listing(name: str) -> int:
    """Read many machines of one deployment; there is no request for each of them."""
    from django.conf import settings

    from fleet.providers import registry
    from fleet.providers.base import Order
    from sandbox.control import SandboxControl

    vendor = registry.provider(name)
    with SandboxControl(
        os.environ["SANDBOX_STRIPE_URL"],
        hetzner_url=os.environ["SANDBOX_HETZNER_URL"],
        digitalocean_url=os.environ["SANDBOX_DIGITALOCEAN_URL"],
    ) as control:
        control.change_conduct(name, create_seconds=0, rate_limit=10**6)  # type: ignore[arg-type]
        region, size = PLACES[name]
        for number in range(SERVERS):
            vendor.create(
                Order(f"bench-{number}", settings.WOPR_DEPLOYMENT, region, size, vendor.image, "#")
            )
        before = len(control.requests(name))  # type: ignore[arg-type]
        began = time.monotonic()
        found = len(vendor.ours(settings.WOPR_DEPLOYMENT))
        took = time.monotonic() - began
        asked = len(control.requests(name)) - before  # type: ignore[arg-type]
    assert found == SERVERS, f"{found} of {SERVERS} servers were listed"
    most = ceil(SERVERS / PAGES[name])
    print(f"\nlisting {SERVERS} servers at {name}: {took:.2f} s")
    print(f"  requests                       {asked:6}    (at most {most})")
    return int(asked > most)


PLACES = {"hetzner": ("fsn1", "cx22"), "digitalocean": ("fra1", "s-1vcpu-2gb")}
PAGES = {"hetzner": 50, "digitalocean": 200}  # what the vendors give at most at a time

if __name__ == "__main__":
    sys.exit(main())
