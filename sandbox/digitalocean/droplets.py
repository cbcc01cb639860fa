"""DigitalOcean's droplets and the actions on them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sandbox.digitalocean import catalogue, shapes
from sandbox.digitalocean.errors import WORDS, refusal, unprocessable
from sandbox.digitalocean.pages import listed
from sandbox.machines.wire import Answer, Call, Table
from sandbox.types import Json

_HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,253}[a-zA-Z0-9])?")
_TAG = re.compile(r"[\w:.-]{1,255}")


def droplet_create(call: Call) -> Answer:
    """POST /droplets: accepted at once, running later. Names need not be unique."""
    world, body = call.world, call.body
    names = body.get("names") or [body.get("name")]
    if not all(isinstance(name, str) and _HOSTNAME.fullmatch(name) for name in names):
        raise unprocessable("Name Only valid hostname characters are allowed.")
    offer = _offer(call)
    if len(world.machines) + len(names) > world.conduct.server_limit:
        raise unprocessable("creating this/these droplet(s) will exceed your droplet limit")
    tags = tags_known(call, body.get("tags") or [])
    keys = [_key(call, wanted) for wanted in body.get("ssh_keys") or []]
    made = [
        world.add_machine(
            name=name, **offer, tags=list(tags), keys=keys, user_data=body.get("user_data") or ""
        )
        for name in names
    ]
    droplets = [shapes.droplet(world, machine) for machine, _ in made]
    href = call.base.replace("/droplets", "/actions")
    links = {
        "actions": [
            {"id": action["id"], "rel": "create", "href": f"{href}/{action['id']}"}
            for _, action in made
        ]
    }
    if body.get("names"):
        return 202, {"droplets": droplets, "links": links}
    return 202, {"droplet": droplets[0], "links": links}


def _offer(call: Call) -> Json:
    """Return size, region and image, or refuse what is not sold there."""
    conduct, body = call.world.conduct, call.body
    size, region = str(body.get("size")), body.get("region", "nyc3")
    image = catalogue.find_image(body.get("image"), conduct)
    if not catalogue.has_size(size):
        raise unprocessable("You specified an invalid size for Droplet creation.")
    if not catalogue.has_region(region):
        raise unprocessable("You specified an invalid region for Droplet creation.")
    if image is None:
        raise unprocessable("You specified an invalid image for Droplet creation.")
    if region not in catalogue.size(size, conduct)["regions"]:
        raise unprocessable("Size is not available in this region.")
    return {"size": size, "region": region, "image": image["slug"]}


def _key(call: Call, wanted: object) -> int:
    for key in call.world.keys.values():
        if str(wanted) in (str(key["id"]), key["fingerprint"]):
            return int(key["id"])
    raise unprocessable(f"{wanted} are invalid key identifiers for Droplet creation.")


def tags_known(call: Call, tags: Iterable[Any]) -> list[str]:
    """Return the tags, which exist from now on, or refuse those that cannot be."""
    names = [str(tag) for tag in tags]
    if not all(_TAG.fullmatch(name) for name in names):
        raise unprocessable("tags may only contain letters, numbers, colons, dashes, underscores")
    for name in names:
        call.world.tags.setdefault(name, {"name": name})
    return names


def droplets_list(call: Call) -> Answer:
    """GET /droplets, by tag or by name."""
    world, tag, name = call.world, call.query.get("tag_name"), call.query.get("name")
    found = [
        shapes.droplet(world, machine)
        for machine in world.machines.values()
        if tag in (None, *machine["tags"]) and name in (None, machine["name"])
    ]
    return listed(call, "droplets", found)


def find(call: Call) -> Json:
    """Return the droplet that the path names."""
    found = call.world.machines.get(call.parts["droplet_id"])
    if found is None:
        raise WORDS.not_found()
    return found


def droplet_get(call: Call) -> Answer:
    """GET /droplets/{id}."""
    return 200, {"droplet": shapes.droplet(call.world, find(call))}


def droplet_delete(call: Call) -> Answer:
    """DELETE /droplets/{id}: no action tells when it is gone."""
    _destroy(call, find(call))
    return 204, None


def droplets_delete(call: Call) -> Answer:
    """DELETE /droplets?tag_name=…."""
    tag = call.query.get("tag_name")
    if tag is None:
        raise unprocessable("tag_name is required")
    for machine in [m for m in call.world.machines.values() if tag in m["tags"]]:
        _destroy(call, machine)
    return 204, None


def _destroy(call: Call, machine: Json) -> None:
    _refuse_busy(call, machine)
    before = machine["status"]
    machine["status"] = "deleting"
    call.world.begin("destroy", machine, {"gone": True}, {"status": before})


def _refuse_busy(call: Call, machine: Json) -> None:
    if call.world.is_busy(machine):
        raise unprocessable("Droplet already has a pending event.")


_CHANGES: dict[str, Json] = {
    "power_on": {"status": "running"},
    "power_off": {"status": "off"},
    "shutdown": {"status": "off"},
    "reboot": {"status": "running"},
    "power_cycle": {"status": "running"},
}


def action_create(call: Call) -> Answer:
    """POST /droplets/{id}/actions."""
    machine, kind = find(call), str(call.body.get("type"))
    _refuse_busy(call, machine)
    if kind == "power_on" and machine["status"] == "running":
        raise unprocessable("Droplet is already powered on.")
    if kind in ("power_off", "shutdown", "reboot") and machine["status"] == "off":
        raise unprocessable("Droplet is already powered off.")
    change = _change(call, machine, kind)
    action = call.world.begin(kind, machine, change, {})
    return 201, {"action": shapes.action(call.world, action)}


def _change(call: Call, machine: Json, kind: str) -> Json:
    if kind in _CHANGES:
        return _CHANGES[kind]
    if kind == "resize":
        return _resized(call, machine)
    wanted, conduct = call.body.get("image"), call.world.conduct
    image = catalogue.find_image(wanted, conduct) if kind == "rebuild" else None
    if image is None:
        raise refusal(400, "bad_request", f"{kind} is not a valid action type")
    return {"image": image["slug"], "status": "running"}


def _resized(call: Call, machine: Json) -> Json:
    size = call.body.get("size")
    if machine["status"] != "off":
        raise unprocessable("Droplet must be powered off to be resized.")
    if not catalogue.has_size(size):
        raise unprocessable("You specified an invalid size for Droplet resize.")
    if machine["region"] not in catalogue.size(str(size), call.world.conduct)["regions"]:
        raise unprocessable("Size is not available in this region.")
    return {"size": size}


def actions_list(call: Call) -> Answer:
    """GET /actions and /droplets/{id}/actions, newest first."""
    rows = list(call.world.actions.values())
    if "droplet_id" in call.parts:
        machine = find(call)
        rows = list(call.world.actions_of(machine))
    return listed(call, "actions", [shapes.action(call.world, row) for row in reversed(rows)])


def action_get(call: Call) -> Answer:
    """GET /actions/{id} and /droplets/{id}/actions/{id}."""
    found = call.world.actions.get(call.parts["action_id"])
    if found is None:
        raise WORDS.not_found()
    return 200, {"action": shapes.action(call.world, found)}


TABLE: Table = [
    ("GET", "/droplets", droplets_list),
    ("POST", "/droplets", droplet_create),
    ("DELETE", "/droplets", droplets_delete),
    ("GET", "/droplets/{droplet_id}", droplet_get),
    ("DELETE", "/droplets/{droplet_id}", droplet_delete),
    ("GET", "/droplets/{droplet_id}/actions", actions_list),
    ("POST", "/droplets/{droplet_id}/actions", action_create),
    ("GET", "/droplets/{droplet_id}/actions/{action_id}", action_get),
    ("GET", "/actions", actions_list),
    ("GET", "/actions/{action_id}", action_get),
]
