"""What Hetzner's SDK returns, read in our words."""

from decimal import Decimal
from typing import Any

from hcloud.actions import BoundAction
from hcloud.firewalls import BoundFirewall, FirewallRule
from hcloud.server_types import BoundServerType
from hcloud.servers import BoundServer
from hcloud.ssh_keys import BoundSSHKey

from fleet.providers.base import Action, Key, Machine, Offer, Progress, Rule, Size, State, Wall

DEPLOYMENT = "wopr-deployment"
_STATES = {
    "running": State.RUNNING,
    "off": State.OFF,
    "initializing": State.CREATING,
    "starting": State.CREATING,
    "deleting": State.ENDING,
}
_PROGRESS = {"success": Progress.DONE, "error": Progress.FAILED}


def size(kind: BoundServerType, currency: str) -> Size:
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


def machine(server: BoundServer) -> Machine:
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


def action(action: BoundAction) -> Action:
    error: Any = action.error or {}
    progress = _PROGRESS.get(str(action.status), Progress.UNDER_WAY)
    return Action(str(action.id), progress, str(error.get("message", "")))


def key(key: BoundSSHKey) -> Key:
    return Key(str(key.id), str(key.name), str(key.public_key))


def firewall_rule(rule: Rule) -> FirewallRule:
    return FirewallRule(
        direction="in", protocol=rule.protocol, port=rule.ports, source_ips=list(rule.sources)
    )


def wall(wall: BoundFirewall) -> Wall:
    selectors = [to.label_selector.selector for to in wall.applied_to or [] if to.label_selector]
    ours = [str(s).partition("=")[2] for s in selectors if str(s).startswith(f"{DEPLOYMENT}=")]
    rules = tuple(
        Rule(str(rule.protocol), str(rule.port), tuple(rule.source_ips))
        for rule in wall.rules or []
        if rule.direction == "in"
    )
    return Wall(str(wall.name), ours[0] if ours else "", rules, str(wall.id))
