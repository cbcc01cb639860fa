"""Hetzner Cloud by its own SDK. Names are unique there, and labels say whose a server is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import lru_cache
from typing import Any

import requests
from django.conf import settings
from hcloud import APIException, Client
from hcloud.actions import BoundAction
from hcloud.firewalls import BoundFirewall, Firewall, FirewallResource, FirewallRule
from hcloud.firewalls import FirewallResourceLabelSelector as Selector
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import BoundServerType, ServerType
from hcloud.servers import BoundServer, Server
from hcloud.ssh_keys import BoundSSHKey, SSHKey

from fleet.providers.base import (
    DONE,
    Account,
    Action,
    Key,
    Machine,
    Offer,
    Order,
    Progress,
    Refusals,
    Region,
    Rule,
    ServerProvider,
    Size,
    State,
    Wall,
)
from wopr.common.correlation import HEADER, current_id
from wopr.common.errors import ProviderError

DEPLOYMENT = "wopr-deployment"
TIMEOUT = (5.0, 20.0)
_GONE = "not_found"
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
_STATES = {
    "running": State.RUNNING,
    "off": State.OFF,
    "initializing": State.CREATING,
    "starting": State.CREATING,
    "deleting": State.ENDING,
}
_PROGRESS = {"success": Progress.DONE, "error": Progress.FAILED}


class Hetzner:
    name = "hetzner"
    image = "debian-13"

    def __init__(self, *, url: str, token: str) -> None:
        self._requests_left: int | None = None
        self._client = Client(token, api_endpoint=url, application_name="wopr", timeout=TIMEOUT)
        base = self._client._client
        # Retries are the operation's, in the database; the SDK would sleep inside the worker.
        base._retry_max_retries = 0
        base._session.auth = _sign
        base._session.hooks["response"].append(self._note)

    def _note(self, response: requests.Response, *_: Any, **__: Any) -> None:
        left = response.headers.get("RateLimit-Remaining", "")
        self._requests_left = int(left) if left.isdigit() else None

    def account(self) -> Account:
        with _blamed("account"):
            self._client.ssh_keys.get_list(per_page=1)
        return Account(requests_left=self._requests_left)

    def regions(self) -> list[Region]:
        with _blamed("regions"):
            found = self._client.locations.get_all()
        return [Region(str(place.name), str(place.description)) for place in found]

    def sizes(self) -> list[Size]:
        with _blamed("sizes"):
            currency = self._client.request("GET", "/pricing")["pricing"]["currency"]
            kinds = self._client.server_types.get_all()
        return [_size(kind, currency) for kind in kinds]

    def create(self, order: Order) -> Machine:
        with _blamed("create"):
            made = self._client.servers.create(
                order.name,
                ServerType(name=order.size),
                Image(name=order.image),
                location=Location(name=order.region),
                user_data=order.user_data,
                ssh_keys=[SSHKey(name=key) for key in order.keys],
                labels={DEPLOYMENT: order.deployment},
            )
        return _machine(made.server)

    def get(self, machine_id: str) -> Machine | None:
        with _blamed("get"):
            try:
                return _machine(self._client.servers.get_by_id(int(machine_id)))
            except APIException as error:
                if error.code == _GONE:
                    return None
                raise

    def find(self, order_name: str, deployment: str) -> list[Machine]:
        with _blamed("find"):
            found = self._client.servers.get_by_name(order_name)
        if found is None:
            return []
        if (found.labels or {}).get(DEPLOYMENT) != deployment:
            raise ProviderError(
                f"Hetzner has a server {order_name} that does not bear our label.", permanent=True
            )
        return [_machine(found)]

    def ours(self, deployment: str) -> list[Machine]:
        with _blamed("list"):
            found = self._client.servers.get_all(label_selector=f"{DEPLOYMENT}={deployment}")
        return [_machine(server) for server in found]

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
                return _action(call(Server(id=int(machine_id))))
            except APIException as error:
                if gone_is is not None and error.code == _GONE:
                    return gone_is
                raise

    def action(self, action_id: str) -> Action:
        with _blamed("action"):
            return _action(self._client.actions.get_by_id(int(action_id)))

    def keys(self) -> list[Key]:
        with _blamed("keys"):
            return [_key(key) for key in self._client.ssh_keys.get_all()]

    def key_add(self, name: str, public_key: str) -> Key:
        with _blamed("add key"):
            return _key(self._client.ssh_keys.create(name, public_key))

    def key_remove(self, key_id: str) -> None:
        with _blamed("remove key"):
            try:
                self._client.ssh_keys.delete(SSHKey(id=int(key_id)))
            except APIException as error:
                if error.code != _GONE:
                    raise

    def walls(self) -> list[Wall]:
        with _blamed("firewalls"):
            return [_wall(wall) for wall in self._client.firewalls.get_all()]

    def wall_put(self, wall: Wall) -> None:
        rules = [_firewall_rule(rule) for rule in wall.rules]
        selector = Selector(selector=f"{DEPLOYMENT}={wall.deployment}")
        around = FirewallResource(type="label_selector", label_selector=selector)
        with _blamed("firewall"):
            present = self._client.firewalls.get_by_name(wall.name)
            if present is None:
                self._client.firewalls.create(wall.name, rules=rules, resources=[around])
            else:
                self._client.firewalls.set_rules(Firewall(id=present.id), rules)


@lru_cache(maxsize=2)
def _provider(url: str, token: str) -> ServerProvider:
    return Hetzner(url=url, token=token)


def provider() -> ServerProvider:
    """The configured account; the connection is kept between calls."""
    return _provider(settings.HETZNER_API_URL, settings.HETZNER_API_TOKEN)


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


def _size(kind: BoundServerType, currency: str) -> Size:
    places = {str(place.location.name): place for place in kind.locations or []}
    offers = tuple(
        Offer(
            region=price["location"],
            hourly=Decimal(price["price_hourly"]["net"]),
            monthly=Decimal(price["price_monthly"]["net"]),
            currency=currency.lower(),
            available=bool(place and place.available and place.deprecation is None),
        )
        for price in kind.prices or []
        for place in [places.get(price["location"])]
    )
    return Size(
        code=str(kind.name),
        memory_mb=int((kind.memory or 0) * 1024),
        cpus=int(kind.cores or 0),
        disk_gb=int(kind.disk or 0),
        offers=offers,
        architecture=str(kind.architecture),
    )


def _machine(server: BoundServer) -> Machine:
    net = server.public_net
    private = server.private_net or []
    return Machine(
        id=str(server.id),
        name=str(server.name),
        state=_STATES.get(str(server.status), State.UNKNOWN),
        size=str(server.server_type.name) if server.server_type else "",
        region=str(server.location.name) if server.location else "",
        address=str(net.ipv4.ip) if net and net.ipv4 else "",
        private_address=str(private[0].ip) if private else "",
    )


def _action(action: BoundAction) -> Action:
    error: Any = action.error or {}
    progress = _PROGRESS.get(str(action.status), Progress.UNDER_WAY)
    return Action(str(action.id), progress, str(error.get("message", "")))


def _key(key: BoundSSHKey) -> Key:
    return Key(str(key.id), str(key.name), str(key.public_key))


def _firewall_rule(rule: Rule) -> FirewallRule:
    return FirewallRule(
        direction="in", protocol=rule.protocol, port=rule.ports, source_ips=list(rule.sources)
    )


def _wall(wall: BoundFirewall) -> Wall:
    selectors = [to.label_selector.selector for to in wall.applied_to or [] if to.label_selector]
    ours = [str(s).partition("=")[2] for s in selectors if str(s).startswith(f"{DEPLOYMENT}=")]
    rules = tuple(
        Rule(str(rule.protocol), str(rule.port), tuple(rule.source_ips))
        for rule in wall.rules or []
        if rule.direction == "in"
    )
    return Wall(str(wall.name), ours[0] if ours else "", rules, str(wall.id))
