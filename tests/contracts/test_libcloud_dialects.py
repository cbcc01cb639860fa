"""libcloud's own drivers for Linode and Vultr against answers as those vendors document them."""

import json
from base64 import b64decode
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from fleet.providers.base import Machine, Offer, Order, Size, State
from fleet.providers.libcloud import Libcloud

LINODE = {
    "id": 123, "label": "wopr-1", "region": "de-fra-2", "type": "g6-standard-1",
    "status": "running", "ipv4": ["203.0.113.7", "192.168.130.9"], "ipv6": None,
    "image": "linode/debian13", "created": "2026-11-22T08:00:00", "tags": ["wopr"],
    "hypervisor": "kvm", "specs": {}, "alerts": {}, "backups": {}, "watchdog_enabled": True,
}  # fmt: skip
VULTR = {
    "id": "cb676a46", "label": "wopr-1", "region": "fra", "plan": "vc2-1c-2gb", "ram": 2048,
    "status": "active", "power_status": "running", "server_status": "ok", "disk": 55,
    "main_ip": "203.0.113.7", "v6_main_ip": "", "internal_ip": "10.1.96.3", "os_id": 2625,
    "os": "Debian 13 x64 (trixie)", "date_created": "2026-11-22T08:00:00+00:00", "vcpu_count": 1,
    "netmask_v4": "255.255.254.0", "gateway_v4": "203.0.113.1", "v6_network": "", "tag": "",
    "v6_network_size": 0, "app_id": 0, "image_id": "", "features": [], "allowed_bandwidth": 2000,
    "firewall_group_id": "",
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "/v4/regions": [
        {"id": "de-fra-2", "country": "de", "status": "ok", "capabilities": [], "resolvers": {}}
    ],
    "/v4/linode/types": [
        {
            "id": "g6-standard-1", "label": "Linode 2GB", "class": "standard", "memory": 2048,
            "disk": 51200, "vcpus": 1, "gpus": 0, "network_out": 2000, "transfer": 2000,
            "addons": {}, "successor": None, "price": {"hourly": 0.018, "monthly": 12.0},
        }
    ],
    "/v4/images": [
        {
            "id": "linode/debian13", "label": "Debian 13", "type": "manual", "description": "",
            "created": "2026-01-01T00:00:00", "created_by": "linode", "is_public": True,
            "size": 1500, "deprecated": False, "vendor": "Debian", "eol": None,
        }
    ],
    "/v4/linode/instances": [LINODE],
    "/v2/regions": [
        {"id": "fra", "city": "Frankfurt", "country": "DE", "continent": "Europe", "options": []}
    ],
    "/v2/plans": [
        {
            "id": "vc2-1c-2gb", "ram": 2048, "disk": 55, "disk_count": 1, "vcpu_count": 1,
            "bandwidth": 2000, "monthly_cost": 10, "type": "vc2", "locations": ["fra"],
        }
    ],
    "/v2/plans-metal": [],
    "/v2/os": [
        {"id": 2625, "name": "Debian 13 x64 (trixie)", "arch": "x64", "family": "debian"}
    ],
    "/v2/instances": [VULTR],
    "/v2/bare-metals": [],
}  # fmt: skip
KEYS = {"plans-metal": "plans_metal", "bare-metals": "bare_metals"}


class _Vendor(BaseHTTPRequestHandler):
    """Both vendors: lists as they page them, and an order that is always accepted."""

    ordered: list[dict[str, Any]]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        rows, name = ANSWERS[path], path.rpartition("/")[2]
        self._say(
            {"data": rows, "page": 1, "pages": 1, "results": len(rows)}
            if path.startswith("/v4")
            else {KEYS.get(name, name): rows, "meta": {"total": len(rows), "links": {"next": ""}}}
        )

    def do_POST(self) -> None:
        self.ordered.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._say(LINODE if self.path.startswith("/v4") else {"instance": VULTR})

    def _say(self, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


def _offer(region: str, hourly: Decimal | str, monthly: int) -> Offer:
    return Offer(region, Decimal(hourly), Decimal(monthly), "usd", available=True)


@pytest.fixture
def ordered() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def url(ordered: list[dict[str, Any]]) -> Iterator[str]:
    handler = type("_Handler", (_Vendor,), {"ordered": ordered})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("linode", Size("g6-standard-1", 2048, 1, 50, (_offer("de-fra-2", "0.018", 12),))),
        ("vultr", Size("vc2-1c-2gb", 2048, 1, 55, (_offer("fra", Decimal(10) / 730, 10),))),
    ],
)
def test_sizes_are_read_in_our_units(url: str, name: str, expected: Size) -> None:
    assert Libcloud(name, "token", url=url).sizes() == [expected]


@pytest.mark.parametrize(
    ("name", "image"), [("linode", "linode/debian13"), ("vultr", "Debian 13 x64 (trixie)")]
)
def test_images_are_listed_by_the_names_that_orders_take(url: str, name: str, image: str) -> None:
    adapter = Libcloud(name, "token", url=url)
    assert adapter.images() == [image]
    assert adapter.image == image


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        (
            "linode",
            Machine("123", "wopr-1", State.RUNNING, "g6-standard-1", "de-fra-2", "203.0.113.7",
                    "192.168.130.9"),
        ),
        (
            "vultr",
            Machine("cb676a46", "wopr-1", State.RUNNING, "vc2-1c-2gb", "fra", "203.0.113.7",
                    "10.1.96.3"),
        ),
    ],
)  # fmt: skip
def test_a_machine_is_read_with_its_size_place_and_addresses(
    url: str, name: str, machine: Machine
) -> None:
    adapter = Libcloud(name, "token", url=url)
    assert adapter.ours("wopr") == [machine]
    assert adapter.find("wopr-1", "wopr") == [machine]


@pytest.mark.parametrize(
    ("name", "offer", "image"),
    [
        ("linode", {"region": "de-fra-2", "type": "g6-standard-1"}, "linode/debian13"),
        ("vultr", {"region": "fra", "plan": "vc2-1c-2gb"}, "Debian 13 x64 (trixie)"),
    ],
)
def test_an_order_hands_over_cloud_init(
    url: str, ordered: list[dict[str, Any]], name: str, offer: dict[str, str], image: str
) -> None:
    order = Order("wopr-1", "wopr", *offer.values(), image=image, user_data="#cloud-config\n")
    made = Libcloud(name, "token", url=url).create(order)
    assert made.name == "wopr-1"
    [body] = ordered
    assert body["label"] == "wopr-1"
    assert body.items() >= offer.items()
    given = body["metadata"]["user_data"] if name == "linode" else body["user_data"]
    assert b64decode(given) == b"#cloud-config\n"
