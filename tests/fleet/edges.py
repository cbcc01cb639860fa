"""A Caddy of a test's own, and what stands behind and before it."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from fleet.models import Instance, Route
from sandbox.stack.caddy import Edge, start_caddy
from sandbox.stack.front_door import front_door
from sandbox.stack.places import Folder
from sandbox.stack.supervisor import Supervisor, wait_until


def route(instance: Instance, name: str, upstream: str, **more: Any) -> Route:
    hostname = name if "." in name else f"{name}.bots.localhost"
    return Route.objects.create(hostname=hostname, instance=instance, upstream=upstream, **more)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class OwnEdge:
    """An edge that a test may restart, and read the access log of."""

    def __init__(self, folder: Path, web_port: int) -> None:
        self.folder = folder
        self.supervisor = Supervisor(folder / "logs")
        self.ports = Edge(
            dashboard_host="wopr.localhost",
            tenant_domain="bots.localhost",
            admin_port=free_port(),
            https_port=free_port(),
            http_port=free_port(),
            web_port=web_port,
            gateway_port=free_port(),
        )

    def start(self) -> None:
        self.authority = start_caddy(self.supervisor, Folder(self.folder), self.ports)
        wait_until(self._shows_a_certificate, timeout=20, what="the edge's certificate")

    def _shows_a_certificate(self) -> bool:
        """It is issued a moment after the server listens."""
        context = ssl.create_default_context(cafile=self.authority)
        try:
            with socket.create_connection(("127.0.0.1", self.ports.https_port), timeout=2) as raw:
                context.wrap_socket(raw, server_hostname="any.bots.localhost").close()
        except OSError:
            return False
        return True

    def restart(self) -> None:
        self.supervisor.stop()
        self.start()

    def get(self, hostname: str, path: str = "/", **options: Any) -> httpx.Response:
        with front_door(str(self.authority)) as browser:
            return browser.get(f"https://{hostname}:{self.ports.https_port}{path}", **options)

    @property
    def log(self) -> str:
        return (self.folder / "logs" / "caddy.log").read_text()


@contextmanager
def own_edge(folder: Path, settings: Any, web_port: int | None = None) -> Iterator[OwnEdge]:
    edge = OwnEdge(folder, web_port or free_port())
    settings.CADDY_ADMIN_URL = edge.ports.admin_url
    edge.start()
    try:
        yield edge
    finally:
        edge.supervisor.stop()


@contextmanager
def upstream(name: str) -> Iterator[str]:
    """A server that says its name, and after an upgrade sends back what it gets; its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.headers.get("Upgrade"):
                self.echo()
                return
            answers = {"/long": name * 200, "/health": '{"status": "ok"}'}
            body = answers.get(self.path, name).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def echo(self) -> None:
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.end_headers()
            while data := self.connection.recv(1024):
                self.connection.sendall(data)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class OpenStream:
    """A WebSocket of a customer, as far as the edge is concerned: an upgraded connection."""

    def __init__(self, hostname: str, port: int, authority: str) -> None:
        context = ssl.create_default_context(cafile=authority)
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket = context.wrap_socket(raw, server_hostname=hostname)
        ask = f"GET /ws HTTP/1.1\r\nHost: {hostname}:{port}\r\nConnection: Upgrade\r\n"
        ask += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        self._socket.sendall(f"{ask}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self._socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101"), answer

    def echoes(self, text: str) -> bool:
        self._socket.sendall(text.encode())
        return self._socket.recv(1024) == text.encode()

    def close(self) -> None:
        self._socket.close()


def edge_port() -> int:
    return int(os.environ["WOPR_EDGE_PORT"])
