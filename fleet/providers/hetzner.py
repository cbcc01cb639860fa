"""Hetzner Cloud by its own SDK. Names are unique there, and labels say whose a server is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import requests
from django.conf import settings
from hcloud import APIException, Client
from hcloud.actions import BoundAction
from hcloud.firewalls import Firewall, FirewallResource
from hcloud.firewalls import FirewallResourceLabelSelector as Selector
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.networks import BoundNetwork, Network
from hcloud.server_types import ServerType
from hcloud.servers import Server
from hcloud.ssh_keys import SSHKey

from fleet.providers import hetzner_readings as readings
from fleet.providers.base import (
    DONE,
    NOBODYS,
    Account,
    Action,
    Key,
    Machine,
    Order,
    Refusals,
    Region,
    ServerProvider,
    Size,
    Wall,
)
from wopr.common.answers import understood
from wopr.common.correlation import HEADER, current_id
from wopr.common.errors import ProviderError

TIMEOUT = (5.0, 20.0)
_GONE, _READ_ONLY, _FORBIDDEN = "not_found", "token_readonly", "forbidden"
_REFUSALS = Refusals(
    passing=(
        "rate_limit_exceeded",
        "conflict",
        "locked",
        "maintenance",
        "timeout",
        "unavailable",
        "server_error",
        "bad_gateway",
    ),
    sold_out=("resource_unavailable", "placement_error", "resource_limit_exceeded"),
)


@understood("Hetzner")
class Hetzner:
    name = "hetzner"
    image = "debian-13"

    def __init__(self, *, url: str, token: str, network: str = "") -> None:
        self._network = network
        self._requests_left: int | None = None
        self._client = Client(token, api_endpoint=url, application_name="wopr", timeout=TIMEOUT)
        base = self._client._client
        # Retries are the operation's, in the database; the SDK would sleep inside the worker.
        base._retry_max_retries = 0
        base._session.auth = _sign
        base._session.max_redirects = 0  # the token goes nowhere else
        base._session.hooks["response"].append(self._note)

    def _note(self, response: requests.Response, *_: Any, **__: Any) -> None:
        left = response.headers.get("RateLimit-Remaining", "")
        self._requests_left = int(left) if left.isdigit() else None

    def account(self) -> Account:
        with _blamed("account"):
            self._client.ssh_keys.get_list(per_page=1)
        return Account(requests_left=self._requests_left)

    def may_write(self) -> bool:
        with _blamed("ask for rights"):
            try:
                self._client.servers.delete(Server(id=NOBODYS))
            except APIException as error:
                if error.code in {_READ_ONLY, _FORBIDDEN}:
                    return False
                if error.code != _GONE:
                    raise
        return True

    def regions(self) -> list[Region]:
        with _blamed("regions"):
            found = self._client.locations.get_all()
        return [Region(str(place.name), str(place.description)) for place in found]

    def sizes(self) -> list[Size]:
        with _blamed("sizes"):
            currency = self._client.request("GET", "/pricing")["pricing"]["currency"]
            kinds = self._client.server_types.get_all()
        return [readings.size(kind, currency) for kind in kinds]

    def images(self) -> list[str]:
        """Systems, and the account's own snapshots, which have no name."""
        with _blamed("images"):
            # The SDK sends a page's size in the place of a wanted status (hcloud 2.27).
            found = self._client.images.get_all(architecture=["x86"])
        return [str(image.name or image.id) for image in found if image.status == "available"]

    def create(self, order: Order) -> Machine:
        with _blamed("create"):
            made = self._client.servers.create(
                order.name,
                ServerType(name=order.size),
                Image(name=order.image),
                location=Location(name=order.region),
                user_data=order.user_data,
                ssh_keys=[SSHKey(name=key) for key in order.keys],
                labels={readings.DEPLOYMENT: order.deployment},
                networks=self._networks(),
            )
        return readings.machine(made.server)

    def _networks(self) -> list[Network | BoundNetwork]:
        """The private network that a new machine is to be in, if one is named."""
        if not self._network:
            return []
        found = self._client.networks.get_by_name(self._network)
        if found is None:
            raise ProviderError(f"Hetzner has no network {self._network}.", permanent=True)
        return [found]

    def get(self, machine_id: str) -> Machine | None:
        with _blamed("get"):
            try:
                return readings.machine(self._client.servers.get_by_id(int(machine_id)))
            except APIException as error:
                if error.code == _GONE:
                    return None
                raise

    def find(self, order_name: str, deployment: str) -> list[Machine]:
        with _blamed("find"):
            found = self._client.servers.get_by_name(order_name)
        if found is None:
            return []
        if (found.labels or {}).get(readings.DEPLOYMENT) != deployment:
            raise ProviderError(
                f"Hetzner has a server {order_name} that does not bear our label.", permanent=True
            )
        return [readings.machine(found)]

    def ours(self, deployment: str) -> list[Machine]:
        with _blamed("list"):
            found = self._client.servers.get_all(
                label_selector=f"{readings.DEPLOYMENT}={deployment}"
            )
        return [readings.machine(server) for server in found]

    def power_on(self, machine_id: str) -> Action:
        return self._act("power on", self._client.servers.power_on, machine_id)

    def power_off(self, machine_id: str) -> Action:
        return self._act("power off", self._client.servers.power_off, machine_id)

    def reboot(self, machine_id: str) -> Action:
        return self._act("reboot", self._client.servers.reboot, machine_id)

    def rebuild(self, machine_id: str, image: str) -> Action:
        def rebuild(server: Server) -> BoundAction:
            return self._client.servers.rebuild(server, Image(name=image)).action

        return self._act("rebuild", rebuild, machine_id)

    def resize(self, machine_id: str, size: str) -> Action:
        def resize(server: Server) -> BoundAction:
            return self._client.servers.change_type(
                server, ServerType(name=size), upgrade_disk=False
            )

        return self._act("resize", resize, machine_id)

    def destroy(self, machine_id: str) -> Action:
        return self._act("destroy", self._client.servers.delete, machine_id, gone_is=DONE)

    def _act(
        self,
        what: str,
        call: Callable[[Server], BoundAction],
        machine_id: str,
        gone_is: Action | None = None,
    ) -> Action:
        with _blamed(what):
            try:
                return readings.action(call(Server(id=int(machine_id))))
            except APIException as error:
                if gone_is is not None and error.code == _GONE:
                    return gone_is
                raise

    def action(self, action_id: str) -> Action:
        with _blamed("action"):
            return readings.action(self._client.actions.get_by_id(int(action_id)))

    def keys(self) -> list[Key]:
        with _blamed("keys"):
            return [readings.key(key) for key in self._client.ssh_keys.get_all()]

    def key_add(self, name: str, public_key: str) -> Key:
        with _blamed("add key"):
            return readings.key(self._client.ssh_keys.create(name, public_key))

    def key_remove(self, key_id: str) -> None:
        with _blamed("remove key"):
            try:
                self._client.ssh_keys.delete(SSHKey(id=int(key_id)))
            except APIException as error:
                if error.code != _GONE:
                    raise

    def walls(self) -> list[Wall]:
        with _blamed("firewalls"):
            return [readings.wall(wall) for wall in self._client.firewalls.get_all()]

    def wall_put(self, wall: Wall) -> None:
        rules = [readings.firewall_rule(rule) for rule in wall.rules]
        selector = Selector(selector=f"{readings.DEPLOYMENT}={wall.deployment}")
        around = FirewallResource(type="label_selector", label_selector=selector)
        with _blamed("firewall"):
            present = self._client.firewalls.get_by_name(wall.name)
            if present is None:
                self._client.firewalls.create(wall.name, rules=rules, resources=[around])
                return
            self._client.firewalls.set_rules(Firewall(id=present.id), rules)
            if readings.wall(present).deployment != wall.deployment:
                self._client.firewalls.apply_to_resources(Firewall(id=present.id), [around])


@lru_cache(maxsize=2)
def _provider(url: str, token: str, network: str) -> ServerProvider:
    return Hetzner(url=url, token=token, network=network)


def provider() -> ServerProvider:
    """The configured account; the connection is kept between calls."""
    return _provider(settings.HETZNER_API_URL, settings.HETZNER_API_TOKEN, settings.HETZNER_NETWORK)


def _sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
    request.headers[HEADER] = current_id()
    return request


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Turns the SDK's errors into ours."""
    try:
        yield
    except APIException as error:
        code = str(error.code)
        said = "server_error" if code.startswith("5") else code
        message = f"Hetzner refused to {what}: {error.message} ({code})"
        raise _REFUSALS.error(message, said) from error
    except requests.RequestException as error:
        raise ProviderError(f"Hetzner did not answer: {type(error).__name__}") from error
