"""DigitalOcean's API, version 2. Names are not unique there: tags say whose a droplet is."""

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.conf import settings

from fleet.providers.base import (
    DONE,
    NOBODYS,
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
from wopr.common import http
from wopr.common.answers import understood
from wopr.common.errors import ProviderError

PAGE_SIZE = 200

CURRENCY = "usd"
_REFUSALS = Refusals(
    passing=("pending event", "is currently locked"),
    sold_out=("not available in this region", "exceed your droplet limit", "out of capacity"),
)
_STATES = {"new": State.CREATING, "active": State.RUNNING, "off": State.OFF}
_PROGRESS = {"completed": Progress.DONE, "errored": Progress.FAILED}
# Without these a firewall of DigitalOcean's lets nothing out.
_OUTBOUND = [
    {"protocol": protocol, "ports": ports, "destinations": {"addresses": ["0.0.0.0/0", "::/0"]}}
    for protocol, ports in (("tcp", "all"), ("udp", "all"), ("icmp", "0"))
]


@understood("DigitalOcean")
class DigitalOcean:
    name = "digitalocean"
    image = "debian-13-x64"

    def __init__(self, *, url: str, token: str) -> None:
        self._session = http.client(url, headers={"Authorization": f"Bearer {token}"})
        self._requests_left: int | None = None

    def account(self) -> Account:
        found = self._call("GET", "account")["account"]
        return Account(
            is_usable=found["status"] != "locked",
            reason=found.get("status_message", ""),
            requests_left=self._requests_left,
            machines_allowed=found["droplet_limit"],
        )

    def may_write(self) -> bool:
        path = f"droplets/{NOBODYS}"
        answer = http.request(self._session, "DigitalOcean", "DELETE", path)
        return answer.status_code != 403

    def regions(self) -> list[Region]:
        found = self._all("regions", "regions")
        return [Region(row["slug"], row["name"]) for row in found if row["available"]]

    def sizes(self) -> list[Size]:
        regions = [row["slug"] for row in self._all("regions", "regions")]
        return [_size(row, regions) for row in self._all("sizes", "sizes")]

    def images(self) -> list[str]:
        """Images of the account's own have no slug."""
        found = self._all("images", "images")
        return [row["slug"] or str(row["id"]) for row in found if row["status"] == "available"]

    def create(self, order: Order) -> Machine:
        body = {
            "name": order.name,
            "region": order.region,
            "size": order.size,
            "image": order.image,
            "user_data": order.user_data,
            "ssh_keys": self._key_ids(order.keys),
            "tags": [_tag_of(order.deployment), _order_tag(order.name)],
            "monitoring": False,
        }
        return _machine(self._call("POST", "droplets", json=body)["droplet"])

    def _key_ids(self, names: tuple[str, ...]) -> list[int]:
        known = {key.name: int(key.id) for key in self.keys()} if names else {}
        missing = [name for name in names if name not in known]
        if missing:
            raise ProviderError(f"DigitalOcean has no SSH key {missing[0]}.", permanent=True)
        return [known[name] for name in names]

    def get(self, machine_id: str) -> Machine | None:
        answer = self._call("GET", f"droplets/{machine_id}", gone={"droplet": None})
        return _machine(answer["droplet"]) if answer["droplet"] else None

    def find(self, order_name: str, deployment: str) -> list[Machine]:
        rows = self._all("droplets", "droplets", tag_name=_order_tag(order_name))
        ours = [row for row in rows if _tag_of(deployment) in row["tags"]]
        return [_machine(row) for row in sorted(ours, key=lambda row: int(row["id"]))]

    def ours(self, deployment: str) -> list[Machine]:
        rows = self._all("droplets", "droplets", tag_name=_tag_of(deployment))
        return [_machine(row) for row in rows]

    def power_on(self, machine_id: str) -> Action:
        return self._act(machine_id, type="power_on")

    def power_off(self, machine_id: str) -> Action:
        return self._act(machine_id, type="power_off")

    def reboot(self, machine_id: str) -> Action:
        return self._act(machine_id, type="reboot")

    def rebuild(self, machine_id: str, image: str) -> Action:
        return self._act(machine_id, type="rebuild", image=image)

    def resize(self, machine_id: str, size: str) -> Action:
        return self._act(machine_id, type="resize", size=size, disk=False)

    def _act(self, machine_id: str, **body: Any) -> Action:
        return _action(self._call("POST", f"droplets/{machine_id}/actions", json=body)["action"])

    def destroy(self, machine_id: str) -> Action:
        """No action tells when it is over: only looking does."""
        self._call("DELETE", f"droplets/{machine_id}", gone={})
        return DONE

    def action(self, action_id: str) -> Action:
        return _action(self._call("GET", f"actions/{action_id}")["action"])

    def keys(self) -> list[Key]:
        return [_key(row) for row in self._all("account/keys", "ssh_keys")]

    def key_add(self, name: str, public_key: str) -> Key:
        body = {"name": name, "public_key": public_key}
        return _key(self._call("POST", "account/keys", json=body)["ssh_key"])

    def key_remove(self, key_id: str) -> None:
        self._call("DELETE", f"account/keys/{key_id}", gone={})

    def walls(self) -> list[Wall]:
        return [_wall(row) for row in self._all("firewalls", "firewalls")]

    def wall_put(self, wall: Wall) -> None:
        tag = _tag_of(wall.deployment)
        self._call("POST", "tags", json={"name": tag})
        body = {
            "name": wall.name,
            "tags": [tag],
            "inbound_rules": [_inbound(rule) for rule in wall.rules],
            "outbound_rules": _OUTBOUND,
        }
        present = [known for known in self.walls() if known.name == wall.name]
        if present:
            self._call("PUT", f"firewalls/{present[0].id}", json=body)
        else:
            self._call("POST", "firewalls", json=body)

    def _all(self, path: str, name: str, **query: Any) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            params = {**query, "page": page, "per_page": PAGE_SIZE}
            answer = self._call("GET", path, params=params)
            yield from answer[name]
            if "next" not in (answer.get("links", {}).get("pages") or {}):
                return
            page += 1

    def _call(
        self, method: str, path: str, *, gone: dict[str, Any] | None = None, **options: Any
    ) -> dict[str, Any]:
        response = http.request(self._session, "DigitalOcean", method, path, **options)
        left = response.headers.get("RateLimit-Remaining", "")
        self._requests_left = int(left) if left.isdigit() else None
        if response.status_code == 404 and gone is not None:
            return gone
        answer: dict[str, Any] = _json(response) if response.content else {}
        if response.is_success:
            return answer
        said = str(answer.get("message", "no reason given"))
        message = f"DigitalOcean refused {method} {path}: {said} ({response.status_code})"
        raise _REFUSALS.error(message, said)


@lru_cache(maxsize=2)
def _provider(url: str, token: str) -> ServerProvider:
    return DigitalOcean(url=f"{url.rstrip('/')}/v2/", token=token)


def provider() -> ServerProvider:
    """The configured account; the connection is kept between calls."""
    return _provider(settings.DIGITALOCEAN_API_URL, settings.DIGITALOCEAN_API_TOKEN)


def _json(response: Any) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise ProviderError(f"DigitalOcean answered {response.status_code}, not JSON") from error
    return answer if isinstance(answer, dict) else {}


def _tag_of(deployment: str) -> str:
    return f"wopr-deployment:{deployment}"


def _order_tag(name: str) -> str:
    return f"wopr-server:{name}"


def _size(row: dict[str, Any], regions: list[str]) -> Size:
    """A region that the size does not list is one where it cannot be had now."""
    gpu = row.get("gpu_info") or {}
    offers = tuple(
        Offer(
            region=region,
            hourly=Decimal(str(row["price_hourly"])),
            monthly=Decimal(str(row["price_monthly"])),
            currency=CURRENCY,
            available=bool(row["available"]) and region in row["regions"],
        )
        for region in regions
    )
    return Size(
        code=row["slug"],
        memory_mb=row["memory"],
        cpus=row["vcpus"],
        disk_gb=row["disk"],
        offers=offers,
        gpu=str(gpu.get("model", "")),
    )


def _machine(row: dict[str, Any]) -> Machine:
    addresses = {net["type"]: net["ip_address"] for net in row["networks"].get("v4") or []}
    return Machine(
        id=str(row["id"]),
        name=row["name"],
        state=_STATES.get(row["status"], State.UNKNOWN),
        size=row["size_slug"],
        region=row["region"]["slug"],
        address=addresses.get("public", ""),
        private_address=addresses.get("private", ""),
    )


def _action(row: dict[str, Any]) -> Action:
    progress = _PROGRESS.get(row["status"], Progress.UNDER_WAY)
    failed = progress == Progress.FAILED
    return Action(str(row["id"]), progress, f"{row['type']} failed" if failed else "")


def _key(row: dict[str, Any]) -> Key:
    return Key(str(row["id"]), row["name"], row["public_key"])


def _inbound(rule: Rule) -> dict[str, Any]:
    sources = {"addresses": list(rule.sources)}
    return {"protocol": rule.protocol, "ports": rule.ports, "sources": sources}


def _wall(row: dict[str, Any]) -> Wall:
    tags = [tag.partition(":")[2] for tag in row["tags"] if tag.startswith("wopr-deployment:")]
    rules = tuple(
        Rule(rule["protocol"], rule["ports"], tuple(rule["sources"].get("addresses") or ()))
        for rule in row["inbound_rules"] or []
    )
    return Wall(row["name"], tags[0] if tags else "", rules, row["id"])
