"""Customers' domains on a DNS server of the test's own, behind an edge of the test's own."""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from dns.models import CustomDomain
from fleet import domain_services, domains, edge
from fleet.models import Instance, Node
from sandbox.nameserver.server import Zones, serving
from tenants.models import Tenant
from tests.conftest import free_port
from tests.fleet.edges import OwnEdge, own_edge, route, upstream
from tests.fleet.edges import free_port as any_port

EDGE_IPV4 = "203.0.113.10"


@contextmanager
def platform(port: int) -> Iterator[None]:
    """Answers Caddy's question with the product's own view, as the web process would."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name: value for name, value in self.headers.items() if name != "Host"}
            answer = Client(headers=headers).get(self.path, secure=True)
            connection.close()
            self.send_response(answer.status_code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Owned:
    """What tests do with domains: as the customer, as the world's DNS, and as the clock."""

    zones: Zones
    edge: OwnEdge

    def bot(self, instance: Instance, upstream: str) -> None:
        """The bot is at the edge under its platform name."""
        route(instance, instance.hostname, upstream)
        edge.publish()
        self.zones.put(instance.hostname, "A", EDGE_IPV4)

    def add(self, instance: Instance, hostname: str) -> CustomDomain:
        return domain_services.domain_add(instance=instance, hostname=hostname)

    def prove(self, domain: CustomDomain) -> None:
        self.zones.put(domain.challenge_name, "TXT", domain.challenge_value)

    def lead(self, domain: CustomDomain) -> None:
        self.zones.put(domain.hostname, "CNAME", domain.target)

    def look(self, domain: CustomDomain, times: int = 1) -> CustomDomain:
        """Time passes until the next look, and it is made."""
        for _ in range(times):
            CustomDomain.objects.filter(pk=domain.pk).update(next_check_at=timezone.now())
            domains.attend(domain.pk)
        return CustomDomain.objects.filter(pk=domain.pk).first() or domain

    def activate(self, instance: Instance, hostname: str) -> CustomDomain:
        domain = self.add(instance, hostname)
        self.prove(domain)
        self.lead(domain)
        domain = self.look(domain, times=2)
        assert domain.state == CustomDomain.State.ACTIVE, domain.findings
        return domain

    def let_pass(self, domain: CustomDomain, days: float) -> None:
        """The present state has lasted for so long."""
        since = timezone.now() - timedelta(days=days)
        CustomDomain.objects.filter(pk=domain.pk).update(since=since)

    def problems(self, domain: CustomDomain) -> list[str]:
        return [finding["problem"] for finding in self.look(domain).findings]

    def get(self, name: str) -> tuple[int, str]:
        """As a browser would: at the edge, by TLS, with the local authority only."""
        own = self.edge
        context = ssl.create_default_context(cafile=str(own.authority))
        raw = socket.create_connection(("127.0.0.1", own.ports.https_port), timeout=15)
        line = http.client.HTTPConnection(name, own.ports.https_port)
        line.sock = context.wrap_socket(raw, server_hostname=name)
        line.request("GET", "/")
        answer = line.getresponse()
        body = answer.read().decode()
        line.close()
        return answer.status, body


@pytest.fixture
def owned(tmp_path: Path, settings: Any) -> Iterator[Owned]:
    """A DNS server and an edge of the test's own, and the platform behind the edge."""
    zones, web_port = Zones(), any_port()
    with (
        serving(zones) as resolver,
        platform(web_port),
        own_edge(tmp_path, settings, web_port) as edge,
    ):
        settings.WOPR_RESOLVERS = [resolver]
        settings.WOPR_EDGE_IPV4, settings.WOPR_EDGE_IPV6 = EDGE_IPV4, ""
        settings.WOPR_EDGE_PORT = edge.ports.https_port
        settings.WOPR_EDGE_PROBE_ADDRESS = f"127.0.0.1:{edge.ports.https_port}"
        settings.WOPR_EDGE_CA_FILE = str(edge.authority)
        settings.CADDY_STORAGE = str(tmp_path / "caddy")
        yield Owned(zones, edge)


@pytest.fixture
def served_bot(instance: Instance, owned: Owned) -> Iterator[Instance]:
    """Alice's bot, at the edge under its platform name."""
    with upstream("alice") as address:
        owned.bot(instance, address)
        yield instance


@pytest.fixture
def charlies(charlie: Any, node: Node, owned: Owned) -> Iterator[Instance]:
    """Charlie's bot."""
    tenant = Tenant.objects.get(slug="charlie")
    limits = {"memory_mb": 256, "cpu_millis": 500, "pids": 128, "disk_gb": 1}
    row = Instance.objects.create(
        tenant=tenant, slug="charlie", node=node, image="x", host_port=free_port() + 50, **limits
    )
    with upstream("charlie") as address:
        owned.bot(row, address)
        yield row
