"""The inference gateway of this machine, run as `python -m sandbox.stack.gateway`.

It listens on loopback, for Caddy, and where bots in their containers see the host: for them
wopr.localhost is themselves.
"""

import argparse
import socket
import sys
from ipaddress import ip_network

import uvicorn

ON_LINUX = sys.platform.startswith("linux")
IP_FREEBIND = 15  # (linux/in.h) bind to an address that is not there yet: the network of the bots


def url_for_bots(subnet: str, port: int) -> str:
    """Return the gateway's address as a bot in a container of that network reaches it."""
    host = str(ip_network(subnet)[1]) if ON_LINUX else "host.docker.internal"
    return f"http://{host}:{port}/v1"


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that is bound there, whether or not the address exists by now."""
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ON_LINUX:
        door.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
    door.bind((host, port))
    return door


def main() -> None:
    """Serve until asked to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--subnet", required=True, help="the addresses of the bots' network")
    options = parser.parse_args()
    hosts = ["127.0.0.1", *([str(ip_network(options.subnet)[1])] if ON_LINUX else [])]
    config = uvicorn.Config(
        "gpu.inference.asgi:application",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[bound(host, options.port) for host in hosts])


if __name__ == "__main__":
    main()
