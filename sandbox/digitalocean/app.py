"""The DigitalOcean sandbox: its table of routes."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp

from sandbox.digitalocean import account, catalogue, droplets, firewalls
from sandbox.digitalocean.errors import WORDS
from sandbox.digitalocean.pages import listed
from sandbox.faults import FaultBook
from sandbox.machines.wire import Answer, Call, Table, machine_app
from sandbox.machines.world import MachineWorld

API = "/v2"


def regions_list(call: Call) -> Answer:
    """GET /regions."""
    return listed(call, "regions", catalogue.regions(call.world.conduct))


def sizes_list(call: Call) -> Answer:
    """GET /sizes."""
    return listed(call, "sizes", catalogue.sizes(call.world.conduct))


def images_list(call: Call) -> Answer:
    """GET /images."""
    return listed(call, "images", catalogue.images(call.world.conduct))


TABLE: Table = [
    ("GET", f"{API}/regions", regions_list),
    ("GET", f"{API}/sizes", sizes_list),
    ("GET", f"{API}/images", images_list),
    *((method, f"{API}{path}", handler) for method, path, handler in account.TABLE),
    *((method, f"{API}{path}", handler) for method, path, handler in droplets.TABLE),
    *((method, f"{API}{path}", handler) for method, path, handler in firewalls.TABLE),
]


def digitalocean_app(
    world: MachineWorld, book: FaultBook, after_change: Callable[[], None]
) -> ASGIApp:
    """Return the application; `after_change` is called before a changing answer leaves."""
    return machine_app("DigitalOcean", world, WORDS, TABLE, book=book, after_change=after_change)
