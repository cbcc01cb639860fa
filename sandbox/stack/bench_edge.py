"""The edge's part of `make bench`: what a request costs with one route and with thousands.

Run by `bench` as a process of its own among the parts, without the product's processes: nobody else
writes the table meanwhile.
"""

import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

ROUTES = 2000
REQUESTS = 1500
ROUNDS = 7
HIGHEST_RATIO = 1.1
LONGEST_PUSH = 1.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def main() -> int:
    """Measure, print, and fail when the edge is slower than it should be."""
    import django

    django.setup()
    from fleet.gateways.caddy import caddy
    from fleet.gateways.caddy_table import Entry, subtree_of

    def push(number: int, upstream: str) -> float:
        entries = [Entry(host(n), upstream, f"tenant-{n}") for n in range(number)]
        began = time.monotonic()
        caddy().write(subtree_of(entries))
        return time.monotonic() - began

    with bot() as upstream:
        costs: dict[int, list[float]] = {1: [], ROUTES: []}
        for _ in range(ROUNDS):
            for number, found in costs.items():
                push(number, upstream)
                found.append(cost_of_a_request(number))
        one_change = median([push(ROUTES - n % 2, upstream) for n in range(1, 8)])
    return report(min(costs[1]), min(costs[ROUTES]), one_change)


def report(one: float, many: float, push: float) -> int:
    """Print the figures; return 1 when one of them is too high."""
    ratio = many / one
    print(f"\nedge: a request with 1 route {one * 1e6:.0f} µs, with {ROUTES} {many * 1e6:.0f} µs")
    print(f"  ratio                          {ratio:6.2f}    (at most {HIGHEST_RATIO})")
    print(f"  one change pushed into {ROUTES}    {push:6.2f} s  (at most {LONGEST_PUSH} s)")
    return int(ratio > HIGHEST_RATIO or push > LONGEST_PUSH)


def host(number: int) -> str:
    """Return the name of a tenant."""
    return f"bench-{number:05d}.{os.environ['WOPR_TENANT_DOMAIN']}"


def cost_of_a_request(routes: int) -> float:
    """Return the median time of a request, to names all over the table, on one connection."""
    context = ssl.create_default_context(cafile=os.environ["WOPR_EDGE_CA_FILE"])
    raw = socket.create_connection(("127.0.0.1", int(os.environ["WOPR_EDGE_PORT"])))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times = []
    with context.wrap_socket(raw, server_hostname=host(0)) as line:
        for n in range(REQUESTS):
            request = f"GET / HTTP/1.1\r\nHost: {host(n * 7919 % routes)}\r\n\r\n".encode()
            began = time.perf_counter()
            line.sendall(request)
            answer = line.recv(4096)
            while not answer.endswith(b"\r\n\r\nok"):
                answer += line.recv(4096)
            times.append(time.perf_counter() - began)
            assert answer.startswith(b"HTTP/1.1 200"), answer
    return median(times[REQUESTS // 5 :])


@contextmanager
def bot() -> Iterator[str]:
    """Serve as the bot behind every route; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def accept(listener: socket.socket) -> None:
    """Give each connection a thread until the listener is closed."""
    while True:
        try:
            line, _ = listener.accept()
        except OSError:
            return
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=answer_all, args=(line,), daemon=True).start()


def answer_all(line: socket.socket) -> None:
    """Answer every request of a connection alike."""
    with line:
        while request := line.recv(65536):
            if request.endswith(b"\r\n\r\n"):
                line.sendall(ANSWER)


if __name__ == "__main__":
    sys.exit(main())
