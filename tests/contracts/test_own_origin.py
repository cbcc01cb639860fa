"""Our tokens go to their vendors alone, wherever an answer would have us go."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from billing.gateways import stripe
from dns.gateways.cloudflare import Cloudflare
from fleet.providers.digitalocean import DigitalOcean
from fleet.providers.hetzner import Hetzner
from fleet.providers.libcloud import Libcloud
from tenants.gateways.authentik import Authentik
from wopr.common import http
from wopr.common.errors import ProviderError

TOKEN = "not-a-token"


class Host:
    """Somebody on the network, who notes what is asked of it."""

    def __init__(self, address: str) -> None:
        self.address, self.sends_to = address, ""
        self.asked: list[str] = []
        self.answers: list[dict[str, Any]] = []


@contextmanager
def listening() -> Iterator[Host]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(self.path)
            body = json.dumps(host.answers.pop(0) if host.answers else {}).encode()
            self.send_response(302 if host.sends_to else 200)
            if host.sends_to:
                self.send_header("Location", f"{host.sends_to}{self.path}")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keeps the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host = Host(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield host
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def vendor() -> Iterator[Host]:
    with listening() as host:
        yield host


@pytest.fixture
def thief() -> Iterator[Host]:
    with listening() as host:
        yield host


@pytest.fixture(autouse=True)
def stripe_at_the_vendor(settings: Any, vendor: Host) -> None:
    settings.STRIPE_API_URL = vendor.address


def customer_at_stripe(_url: str) -> Any:
    return stripe.customer_find(email="alice@example.com", tenant_id="none")


LISTS: dict[str, Callable[[str], Any]] = {
    "Cloudflare": lambda url: Cloudflare(url=f"{url}/", token=TOKEN).listing("wopr.bot"),
    "DigitalOcean": lambda url: list(DigitalOcean(url=f"{url}/", token=TOKEN).regions()),
    "Hetzner": lambda url: Hetzner(url=url, token=TOKEN).regions(),
    "libcloud": lambda url: Libcloud("linode", TOKEN, url=url).regions(),
    "Authentik": lambda url: Authentik(url=f"{url}/", token=TOKEN).groups_beginning("wopr"),
    "Stripe": customer_at_stripe,
}


@pytest.mark.parametrize("name", LISTS)
def test_a_redirect_to_somebody_else_is_not_followed(name: str, vendor: Host, thief: Host) -> None:
    vendor.sends_to = thief.address
    with pytest.raises(ProviderError):
        LISTS[name](vendor.address)
    assert vendor.asked
    assert thief.asked == []


def test_the_next_page_is_asked_for_where_the_first_one_was(vendor: Host, thief: Host) -> None:
    def page(slug: str) -> dict[str, Any]:
        return {"regions": [{"slug": slug, "name": slug, "available": True}]}

    onward = {"links": {"pages": {"next": f"{thief.address}/regions?page=2"}}}
    vendor.answers = [page("fra1") | onward, page("nyc3")]
    found = LISTS["DigitalOcean"](vendor.address)
    assert [region.code for region in found] == ["fra1", "nyc3"]
    assert thief.asked == []


def test_an_address_elsewhere_is_refused_before_anything_is_sent(vendor: Host, thief: Host) -> None:
    session = http.client(f"{vendor.address}/v1/", headers={"Authorization": TOKEN})
    for address in (f"{thief.address}/v1/x", thief.address.replace("http:", "") + "/v1/x"):
        with pytest.raises(ProviderError, match=r"sent us on to 127\.0\.0\.1"):
            http.request(session, "It", "GET", address)
    assert thief.asked == vendor.asked == []

    assert http.request(session, "It", "GET", f"{vendor.address}/v1/x").is_success
    assert vendor.asked == ["/v1/x"]
