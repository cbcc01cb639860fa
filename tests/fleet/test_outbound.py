"""What customers type and what bots answer lead the platform nowhere but to its own edge."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from dns import verification
from dns.models import CustomDomain
from dns.names import hostname_of
from fleet.gateways import bot
from sandbox.nameserver.server import Zones, serving
from wopr.common import http
from wopr.common.errors import Refused

EDGE = "203.0.113.10"
NAME = "chat.acme.example"
# What an attacker would have the platform speak to, and any other address.
INSIDE = ["127.0.0.1", "10.0.0.1", "172.16.0.9", "192.168.1.1", "169.254.169.254", "100.64.0.1"]
INSIDE_6 = ["::1", "fe80::1", "fc00::1", "fd00:ec2::254", "::ffff:127.0.0.1"]
addresses = st.one_of(st.sampled_from([IPv4Address(a) for a in INSIDE]), st.ip_addresses(v=4))
addresses_6 = st.one_of(st.sampled_from([IPv6Address(a) for a in INSIDE_6]), st.ip_addresses(v=6))


@pytest.fixture(scope="module")
def zones() -> Iterator[tuple[Zones, str]]:
    zones = Zones()
    with serving(zones) as resolver:
        yield zones, resolver


@pytest.fixture
def domain(zones: tuple[Zones, str], settings: Any) -> CustomDomain:
    """A claim that its owner has shown to be theirs."""
    settings.WOPR_RESOLVERS = [zones[1]]
    settings.WOPR_EDGE_IPV4, settings.WOPR_EDGE_IPV6 = EDGE, ""
    domain = CustomDomain(hostname=NAME, target="alice.bots.example", token="a-token")
    zones[0].put(domain.challenge_name, "TXT", domain.challenge_value)
    return domain


# The name server and the claim are the same for all of them.
@effort(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=st.one_of(addresses.filter(lambda found: str(found) != EDGE), addresses_6))
def test_a_name_that_leads_anywhere_but_here_is_never_admitted(
    zones: tuple[Zones, str], domain: CustomDomain, address: IPv4Address | IPv6Address
) -> None:
    zones[0].put(NAME, "A", EDGE)
    zones[0].drop(NAME, "AAAA")
    assert verification.look(domain) == []
    if address.version == 4:
        zones[0].put(NAME, "A", EDGE, str(address))
    else:
        zones[0].put(NAME, "AAAA", str(address))
    assert any(str(address) in str(finding["problem"]) for finding in verification.look(domain))


@given(
    st.one_of(addresses, addresses_6), st.sampled_from(["{}", "http://{}/", "//{}:80/x", "[{}]"])
)
def test_an_address_is_no_name_of_a_domain(address: Any, written: str) -> None:
    with pytest.raises(Refused):
        hostname_of(written.format(address))


@contextmanager
def listening(address: str, port: int = 0) -> Iterator[tuple[int, list[bytes]]]:
    """Hears the first words of everybody who connects."""
    heard: list[bytes] = []

    def hear() -> None:
        with suppress(OSError):  # closed, as the test is over
            while True:
                line, _ = door.accept()
                with line:
                    heard.append(line.recv(4096))

    with socket.create_server((address, port)) as door:
        listener = threading.Thread(target=hear)
        listener.start()
        yield int(door.getsockname()[1]), heard
        door.shutdown(socket.SHUT_RDWR)
        listener.join()


def test_a_name_that_was_led_elsewhere_since_is_asked_for_at_the_edge(settings: Any) -> None:
    """Its owner changed the record after it was looked at: to an address of the machine's own."""
    moved = "localhost"
    with listening("127.0.0.1") as (port, inside), listening("127.0.0.9", port) as (_, edge):
        settings.WOPR_EDGE_PROBE_ADDRESS, settings.WOPR_EDGE_PORT = "", port
        settings.WOPR_EDGE_IPV4 = "127.0.0.9"
        assert not bot.is_answered_for(moved)
    assert inside == []
    [greeting] = edge
    assert moved.encode() in greeting, "the edge is asked for that name"


@contextmanager
def redirecting(to: str) -> Iterator[str]:
    """A bot that sends whoever asks it somewhere else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", to)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


ASKED: dict[str, Callable[[str], Any]] = {
    "a bot whether it is well": bot.is_healthy,
    "a bot whether it has a provider": bot.is_ready,
    "a vendor": lambda at: http.request(
        http.client(f"http://{at}/", headers={"Authorization": "Bearer x"}), "a vendor", "GET", "x"
    ),
}


@pytest.mark.parametrize("what", ASKED)
def test_nobody_is_led_elsewhere_by_an_answer(what: str) -> None:
    with listening("127.0.0.1") as (port, inside), redirecting(f"http://127.0.0.1:{port}/") as at:
        answer = ASKED[what](at)
    assert inside == []
    assert answer is False or answer.status_code == 302
