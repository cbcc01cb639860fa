"""Linode, Vultr, UpCloud and OVH by Apache libcloud: one adapter, and a dialect for each.

libcloud has no tags that all of them know, so machines are ours by their name, which begins with
the deployment's. It has no actions to ask about either: only looking again tells.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from libcloud import http as libcloud_http
from libcloud.common.exceptions import BaseHTTPError
from libcloud.common.types import InvalidCredsError
from libcloud.compute.base import Node, NodeSize
from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState

from fleet.providers.base import (
    DONE,
    Account,
    Action,
    Key,
    Machine,
    Offer,
    Order,
    Region,
    ServerProvider,
    Size,
    SoldOut,
    State,
    Wall,
)
from fleet.providers.dialects import DIALECTS
from wopr.common.errors import ProviderError

TIMEOUT = 20
HOURS = 730
_STATES = {
    NodeState.RUNNING: State.RUNNING,
    NodeState.STOPPED: State.OFF,
    NodeState.PENDING: State.CREATING,
    NodeState.STARTING: State.CREATING,
    NodeState.TERMINATED: State.ENDING,
}
_WORTH_RETRYING = {408, 409, 423, 425, 429}
_PASSING = ("pending event", "busy", "is currently locked")
# What signs in is not always in a header that is left out on the way to another host.
libcloud_http.ALLOW_REDIRECTS = False
_SOLD_OUT = ("not available in this region", "out of stock", "limit", "sold out", "quota")


class Libcloud:
    def __init__(self, name: str, *credentials: str, url: str = "") -> None:
        self.name, self._dialect = name, DIALECTS[name]
        self.image = self._dialect.image
        driver = get_driver(self._dialect.constant)
        with self._blamed("connect"):
            self._driver: Any = driver(*credentials)
            self._set_up(self._driver.connection, urlsplit(url))

    @staticmethod
    def _set_up(connection: Any, url: SplitResult) -> None:
        """Not all drivers take these when they are made."""
        connection.timeout = TIMEOUT
        if url.hostname:
            connection.host, connection.port = url.hostname, url.port
            connection.secure = url.scheme == "https"
        connection.connect()

    def account(self) -> Account:
        with self._blamed("list regions"):
            self._driver.list_locations()
        return Account()

    def may_write(self) -> bool:
        return True

    def regions(self) -> list[Region]:
        with self._blamed("list regions"):
            return [Region(str(place.id), place.name) for place in self._driver.list_locations()]

    def sizes(self) -> list[Size]:
        regions = [region.code for region in self.regions()]
        with self._blamed("list sizes"):
            found = self._driver.list_sizes()
        return [self._size(size, regions) for size in found]

    def _size(self, size: NodeSize, regions: list[str]) -> Size:
        """A size without a price is listed without offers: nothing is bought blindly."""
        offered = self._dialect.regions_of(size)
        offers = tuple(
            Offer(
                region, *self._prices(size), self._dialect.currency,
                available=offered is None or region in offered,
            )
            for region in regions
            if size.price
        )  # fmt: skip
        cpus = size.extra.get("vcpus") or size.extra.get("vcpu_count") or 0
        disk_gb = int(size.disk) // self._dialect.disk_unit
        return Size(str(size.id), int(size.ram), int(cpus), disk_gb, offers)

    def _prices(self, size: NodeSize) -> tuple[Decimal, Decimal]:
        """By the hour and by the month, for which some ask less than for its hours."""
        amount = Decimal(str(size.price))
        if self._dialect.monthly_price:
            return amount / HOURS, amount
        return amount, Decimal(str(size.extra.get("monthly_price") or amount * HOURS))

    def images(self) -> list[str]:
        with self._blamed("list images"):
            return [self._dialect.image_name(image) for image in self._driver.list_images()]

    def create(self, order: Order) -> Machine:
        order_as = self._dialect.order_as
        if order_as is None:
            raise ProviderError(
                f"{self.name} takes no cloud-init by libcloud: order the machine there yourself,"
                " then add it with `manage.py server_adopt`.",
                permanent=True,
            )
        with self._blamed("create"):
            size = _chosen(self._driver.list_sizes(), order.size, "size")
            location = _chosen(self._driver.list_locations(), order.region, "region")
            image = _chosen(self._driver.list_images(), order.image, "image")
            made = self._driver.create_node(
                name=order.name,
                size=size,
                image=image,
                location=location,
                **order_as(order),
            )
        return self._machine(made)

    def get(self, machine_id: str) -> Machine | None:
        node = self._node(machine_id)
        return self._machine(node) if node else None

    def find(self, order_name: str, deployment: str) -> list[Machine]:
        return [machine for machine in self._machines() if machine.name == order_name]

    def ours(self, deployment: str) -> list[Machine]:
        return [m for m in self._machines() if m.name.startswith(f"{deployment}-")]

    def _machines(self) -> list[Machine]:
        with self._blamed("list machines"):
            return [self._machine(node) for node in self._driver.list_nodes()]

    def _node(self, machine_id: str) -> Node | None:
        with self._blamed("list machines"):
            nodes = self._driver.list_nodes()
        return next((node for node in nodes if str(node.id) == machine_id), None)

    def power_on(self, machine_id: str) -> Action:
        return self._act(self._dialect.start, machine_id)

    def power_off(self, machine_id: str) -> Action:
        return self._act(self._dialect.stop, machine_id)

    def reboot(self, machine_id: str) -> Action:
        return self._act("reboot_node", machine_id)

    def rebuild(self, machine_id: str, image: str) -> Action:
        raise self._lacks("rebuild machines")

    def resize(self, machine_id: str, size: str) -> Action:
        with self._blamed("list sizes"):
            wanted = _chosen(self._driver.list_sizes(), size, "size")
        return self._act("ex_resize_node", machine_id, wanted)

    def destroy(self, machine_id: str) -> Action:
        return self._act("destroy_node", machine_id) if self._node(machine_id) else DONE

    def _act(self, method: str, machine_id: str, *arguments: Any) -> Action:
        node = self._node(machine_id)
        if node is None:
            raise ProviderError(f"{self.name} has no machine {machine_id}.", permanent=True)
        act = getattr(self._driver, method, None)
        if act is None:
            raise self._lacks(method)
        with self._blamed(method):
            accepted = act(node, *arguments)
        if accepted is False:
            raise ProviderError(f"{self.name} did not accept {method}.")
        return DONE

    def action(self, action_id: str) -> Action:
        raise self._lacks("follow actions")

    def keys(self) -> list[Key]:
        with self._blamed("list keys"):
            found = self._driver.list_key_pairs()
        return [Key(str(k.extra.get("id", k.name)), k.name, k.public_key or "") for k in found]

    def key_add(self, name: str, public_key: str) -> Key:
        with self._blamed("add key"):
            made = self._driver.create_key_pair(name, public_key)
        return Key(str(made.extra.get("id", name)), name, public_key)

    def key_remove(self, key_id: str) -> None:
        with self._blamed("remove key"):
            found = [k for k in self._driver.list_key_pairs() if str(k.extra.get("id")) == key_id]
            for key in found:
                self._driver.delete_key_pair(key)

    def walls(self) -> list[Wall]:
        """libcloud has no firewalls in common; nodes have one of their own, by cloud-init."""
        return []

    def wall_put(self, wall: Wall) -> None:
        raise self._lacks("set up firewalls")

    def _machine(self, node: Node) -> Machine:
        extra = node.extra or {}
        return Machine(
            id=str(node.id),
            name=node.name,
            state=_STATES.get(node.state, State.UNKNOWN),
            size=str(extra.get("size_slug") or node.size or ""),
            region=_text(extra.get("region") or extra.get("location")),
            address=str(node.public_ips[0]) if node.public_ips else "",
            private_address=str(node.private_ips[0]) if node.private_ips else "",
        )

    def _lacks(self, what: str) -> ProviderError:
        return ProviderError(f"{self.name} cannot {what} by libcloud.", permanent=True)

    @contextmanager
    def _blamed(self, what: str) -> Iterator[None]:
        """Turns whatever a driver raises into our error; each has exceptions of its own."""
        try:
            yield
        except ProviderError:
            raise
        except InvalidCredsError as error:
            raise ProviderError(
                f"{self.name} does not accept the credentials.", permanent=True
            ) from error
        except BaseHTTPError as error:
            raise _http_error(self.name, what, error) from error
        except Exception as error:
            raise ProviderError(f"{self.name} failed to {what}: {error}") from error


def _http_error(name: str, what: str, error: BaseHTTPError) -> ProviderError:
    code, said = int(error.code), str(error.message)
    message = f"{name} refused to {what}: {said} ({code})"
    passing = code >= 500 or code in _WORTH_RETRYING or any(word in said for word in _PASSING)
    if not passing and any(word in said.lower() for word in _SOLD_OUT):
        return SoldOut(message)
    wait = getattr(error, "retry_after", 0) or None
    return ProviderError(message, permanent=not passing, retry_after=wait)


def _chosen(rows: list[Any], wanted: str, what: str) -> Any:
    for row in rows:
        extra = row.extra if isinstance(row.extra, dict) else {}
        if wanted in (str(row.id), row.name, extra.get("slug")):
            return row
    raise ProviderError(f"There is no {what} {wanted}.", permanent=True)


def _text(value: Any) -> str:
    return str(value.get("slug", "")) if isinstance(value, dict) else str(value or "")


@lru_cache(maxsize=8)
def _provider(name: str, *credentials: str) -> ServerProvider:
    return Libcloud(name, *credentials)


def linode() -> ServerProvider:
    return _provider("linode", settings.LINODE_API_TOKEN)


def vultr() -> ServerProvider:
    return _provider("vultr", settings.VULTR_API_TOKEN)


def upcloud() -> ServerProvider:
    return _provider("upcloud", settings.UPCLOUD_USERNAME, settings.UPCLOUD_PASSWORD)


def ovh() -> ServerProvider:
    return _provider(
        "ovh",
        settings.OVH_APPLICATION_KEY,
        settings.OVH_APPLICATION_SECRET,
        settings.OVH_PROJECT_ID,
        settings.OVH_CONSUMER_KEY,
    )
