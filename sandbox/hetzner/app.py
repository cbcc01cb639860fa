"""The Hetzner sandbox: its table of routes."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp

from sandbox.faults import FaultBook
from sandbox.hetzner import catalogue, firewalls, keys, servers
from sandbox.hetzner.errors import WORDS
from sandbox.hetzner.pages import listed
from sandbox.machines.wire import Answer, Call, Table, machine_app
from sandbox.machines.world import MachineWorld

API = "/v1"


def locations_list(call: Call) -> Answer:
    """GET /locations."""
    return listed(call, "locations", catalogue.locations())


def datacenters_list(call: Call) -> Answer:
    """GET /datacenters."""
    rows = [catalogue.datacenter(place["name"]) for place in catalogue.locations()]
    status, body = listed(call, "datacenters", rows)
    return status, {**(body or {}), "recommendation": rows[0]["id"]}


def networks_list(call: Call) -> Answer:
    """GET /networks."""
    return listed(call, "networks", [catalogue.network()])


def server_types_list(call: Call) -> Answer:
    """GET /server_types."""
    return listed(call, "server_types", catalogue.server_types(call.world.conduct))


def images_list(call: Call) -> Answer:
    """GET /images."""
    return listed(call, "images", catalogue.images(call.world.conduct))


def pricing_get(call: Call) -> Answer:
    """GET /pricing."""
    return 200, {"pricing": catalogue.pricing(call.world.conduct)}


TABLE: Table = [
    ("GET", f"{API}/locations", locations_list),
    ("GET", f"{API}/datacenters", datacenters_list),
    ("GET", f"{API}/networks", networks_list),
    ("GET", f"{API}/server_types", server_types_list),
    ("GET", f"{API}/images", images_list),
    ("GET", f"{API}/pricing", pricing_get),
    *((method, f"{API}{path}", handler) for method, path, handler in servers.TABLE),
    *((method, f"{API}{path}", handler) for method, path, handler in keys.TABLE),
    *((method, f"{API}{path}", handler) for method, path, handler in firewalls.TABLE),
]


def hetzner_app(world: MachineWorld, book: FaultBook, after_change: Callable[[], None]) -> ASGIApp:
    """Return the application; `after_change` is called before a changing answer leaves."""
    return machine_app("Hetzner", world, WORDS, TABLE, book=book, after_change=after_change)
