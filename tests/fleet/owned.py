"""Customers' domains on a DNS server of the test's own, behind an edge of the test's own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from django.db import connection
from django.test import Client
from django.utils import timezone

from dns.models import CustomDomain
from fleet import domain_services, domains, edge
from fleet.models import Instance
from sandbox.nameserver.server import Zones
from tests.fleet.edges import OwnEdge, route

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
