"""Droplets, actions, keys, tags and firewalls as DigitalOcean shows them."""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.digitalocean import catalogue
from sandbox.machines.world import MachineWorld
from sandbox.types import Json

_STATUS = {"creating": "new", "running": "active", "off": "off", "deleting": "active"}
_ACTION = {"running": "in-progress", "success": "completed", "error": "errored"}


def stamp(seconds: float) -> str:
    """Return a time as DigitalOcean writes it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def droplet(world: MachineWorld, machine: Json) -> Json:
    """Return a droplet."""
    size = catalogue.size(machine["size"], world.conduct)
    shown: Json = {
        "id": machine["id"],
        "name": machine["name"],
        "memory": size["memory"],
        "vcpus": size["vcpus"],
        "disk": size["disk"],
        "disk_info": size["disk_info"],
        "locked": world.is_busy(machine),
        "status": _STATUS[machine["status"]],
        "kernel": None,
        "created_at": stamp(machine["created"]),
        "features": ["droplet_agent", "private_networking"],
        "backup_ids": [],
        "next_backup_window": None,
        "snapshot_ids": [],
        "image": catalogue.image(machine["image"]),
        "volume_ids": [],
        "size": size,
        "size_slug": machine["size"],
        "networks": _networks(machine),
        "region": catalogue.region(machine["region"], world.conduct),
        "tags": machine["tags"],
        "vpc_uuid": "5a4981aa-9653-4bd1-bef5-d6bff52042e4",
    }
    return shown | ({"gpu_info": size["gpu_info"]} if "gpu_info" in size else {})


def _networks(machine: Json) -> Json:
    """A droplet has no address before it runs."""
    if machine["status"] == "creating":
        return {"v4": [], "v6": []}
    public, private = machine["address"], machine["private_address"]
    return {
        "v4": [
            {
                "ip_address": private,
                "netmask": "255.255.0.0",
                "gateway": "10.49.0.1",
                "type": "private",
            },
            {
                "ip_address": public,
                "netmask": "255.255.0.0",
                "gateway": f"{public.rpartition('.')[0]}.254",
                "type": "public",
            },
        ],
        "v6": [],
    }


def action(world: MachineWorld, row: Json) -> Json:
    """Return an action."""
    return {
        "id": row["id"],
        "status": _ACTION[row["status"]],
        "type": row["command"],
        "started_at": stamp(row["started"]),
        "completed_at": stamp(row["finished"]) if row["finished"] else None,
        "resource_id": row["machine"],
        "resource_type": "droplet",
        "region": catalogue.region(row["region"], world.conduct),
        "region_slug": row["region"],
    }


def tag(world: MachineWorld, name: str) -> Json:
    """Return a tag with how many droplets bear it."""
    count = sum(name in machine["tags"] for machine in world.machines.values())
    none: Json = {"count": 0}
    resources = {"count": count, "droplets": {"count": count}}
    others = ("imgages", "volumes", "volume_snapshots", "databases")
    return {"name": name, "resources": {**resources, **dict.fromkeys(others, none)}}


def firewall(wall: Json) -> Json:
    """Return a firewall."""
    return {
        "id": wall["id"],
        "name": wall["name"],
        "status": "succeeded",
        "created_at": stamp(wall["created"]),
        "pending_changes": [],
        "droplet_ids": wall["droplet_ids"],
        "tags": wall["tags"],
        "inbound_rules": wall["inbound_rules"],
        "outbound_rules": wall["outbound_rules"],
    }
