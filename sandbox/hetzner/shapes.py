"""Servers, actions, keys and firewalls as Hetzner shows them."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.hetzner import catalogue
from sandbox.machines.world import DONE, RUNNING, MachineWorld
from sandbox.types import Json

_STATUS = {"creating": "initializing", "running": "running", "off": "off", "deleting": "deleting"}
_COMMANDS = {"create": "create_server", "destroy": "delete_server", "resize": "change_server_type"}
_COMMANDS |= {
    "power_on": "start_server",
    "power_off": "stop_server",
    "shutdown": "shutdown_server",
    "reboot": "reboot_server",
    "reset": "reset_server",
    "rebuild": "rebuild_server",
}


def stamp(seconds: float) -> str:
    """Return a time as Hetzner writes it."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def server(world: MachineWorld, machine: Json) -> Json:
    """Return a server."""
    kind = catalogue.server_type(machine["size"], world.conduct)
    return {
        "id": machine["id"],
        "name": machine["name"],
        "status": _STATUS[machine["status"]],
        "created": stamp(machine["created"]),
        "public_net": _public_net(world, machine),
        "private_net": [_private_net(machine, number) for number in machine.get("networks", [])],
        "server_type": kind,
        "datacenter": catalogue.datacenter(machine["region"]),
        "location": catalogue.location(machine["region"]),
        "image": catalogue.image(machine["image"]),
        "iso": None,
        "rescue_enabled": False,
        "locked": world.is_busy(machine),
        "backup_window": None,
        "outgoing_traffic": 0,
        "ingoing_traffic": 0,
        "included_traffic": 21990232555520,
        "protection": {"delete": False, "rebuild": False},
        "labels": machine["labels"],
        "volumes": [],
        "load_balancers": [],
        "primary_disk_size": kind["disk"],
        "placement_group": None,
    }


def _private_net(machine: Json, network: int) -> Json:
    return {
        "network": network,
        "ip": machine["private_address"],
        "alias_ips": [],
        "mac_address": f"86:00:00:{machine['id'] % 256:02x}:00:01",
    }


def _public_net(world: MachineWorld, machine: Json) -> Json:
    walls = [
        {"id": wall["id"], "status": "applied"}
        for wall in world.firewalls.values()
        if applies(wall, machine)
    ]
    name = f"static.{machine['address'].replace('.', '-')}.clients.example"
    return {
        "ipv4": {
            "id": machine["id"],
            "ip": machine["address"],
            "blocked": False,
            "dns_ptr": name,
        },
        "ipv6": {
            "id": machine["id"],
            "ip": f"{machine['address6']}/64",
            "blocked": False,
            "dns_ptr": [],
        },
        "floating_ips": [],
        "firewalls": walls,
    }


def action(row: Json) -> Json:
    """Return an action."""
    failed = row["status"] not in (RUNNING, DONE)
    error = {"code": "action_failed", "message": "Action failed"} if failed else None
    return {
        "id": row["id"],
        "command": _COMMANDS.get(row["command"], row["command"]),
        "status": row["status"],
        "progress": 50 if row["status"] == RUNNING else 100,
        "started": stamp(row["started"]),
        "finished": stamp(row["finished"]) if row["finished"] else None,
        "resources": [{"id": row["machine"], "type": row.get("resource", "server")}],
        "error": error,
    }


def ssh_key(row: Json) -> Json:
    """Return an SSH key."""
    return {**row, "created": stamp(row["created"])}


def applies(wall: Json, machine: Json) -> bool:
    """Tell whether a firewall protects a server."""
    selectors = [to["label_selector"]["selector"] for to in wall["to"] if "label_selector" in to]
    servers = [to["server"]["id"] for to in wall["to"] if "server" in to]
    chosen = any(selects(selector, machine["labels"]) for selector in selectors)
    return machine["id"] in servers or chosen


def firewall(world: MachineWorld, wall: Json) -> Json:
    """Return a firewall with what it is applied to."""
    return {
        "id": wall["id"],
        "name": wall["name"],
        "labels": wall["labels"],
        "created": stamp(wall["created"]),
        "rules": wall["rules"],
        "applied_to": [_target(world, to) for to in wall["to"]],
    }


def _target(world: MachineWorld, to: Json) -> Json:
    if "server" in to:
        return {"type": "server", "server": to["server"]}
    selector = to["label_selector"]["selector"]
    found = [m for m in world.machines.values() if selects(selector, m["labels"])]
    return {
        "type": "label_selector",
        "label_selector": {"selector": selector},
        "applied_to_resources": [{"type": "server", "server": {"id": m["id"]}} for m in found],
    }


def selects(selector: str, labels: dict[str, str]) -> bool:
    """Tell whether labels meet a selector of equalities and presences."""
    return all(_meets(part.strip(), labels) for part in selector.split(",") if part.strip())


def _meets(part: str, labels: dict[str, str]) -> bool:
    if "!=" in part:
        key, _, value = part.partition("!=")
        return labels.get(key.strip()) != value.strip()
    if "=" in part:
        key, _, value = part.replace("==", "=").partition("=")
        return labels.get(key.strip()) == value.strip()
    return part.removeprefix("!") not in labels if part.startswith("!") else part in labels
