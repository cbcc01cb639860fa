"""Hetzner's servers and the actions on them."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.hetzner import catalogue, shapes
from sandbox.hetzner.errors import WORDS, invalid, locked, refusal, taken
from sandbox.hetzner.pages import listed
from sandbox.machines.wire import Answer, Call, Table
from sandbox.types import Json

_HOSTNAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?")


def server_create(call: Call) -> Answer:
    """POST /servers: accepted at once, ready later. Names are unique."""
    world, body = call.world, call.body
    name = str(body.get("name", ""))
    if not _HOSTNAME.fullmatch(name):
        raise invalid("name", "must be a valid hostname")
    if any(machine["name"] == name for machine in world.machines.values()):
        raise taken("name", "server name is already used")
    facts = {**_offer(call), "name": name, "labels": body.get("labels") or {}}
    if len(world.machines) >= world.conduct.server_limit:
        raise refusal(403, "resource_limit_exceeded", "server limit reached")
    machine, action = world.add_machine(
        **facts,
        keys=[_key(call, key) for key in body.get("ssh_keys") or []],
        user_data=body.get("user_data") or "",
        networks=[_network(number) for number in body.get("networks") or []],
    )
    for wall in body.get("firewalls") or []:
        _wall(call, wall["firewall"])["to"].append({"server": {"id": machine["id"]}})
    return 201, {
        "server": shapes.server(world, machine),
        "action": shapes.action(action),
        "next_actions": [],
        "root_password": None if machine["keys"] else "generated-by-the-sandbox",
    }


def _offer(call: Call) -> Json:
    """Return size, region and image, or refuse what is not sold there."""
    conduct = call.world.conduct
    size = catalogue.named(call.body.get("server_type"), catalogue.server_types(conduct))
    region = catalogue.named(call.body.get("location", "fsn1"), catalogue.locations())
    image = catalogue.named(call.body.get("image"), catalogue.images(call.world.conduct))
    if size is None:
        raise invalid("server_type", "server type does not exist")
    if region is None:
        raise invalid("location", "location does not exist")
    if image is None:
        raise invalid("image", "image does not exist")
    kind = catalogue.server_type(size, conduct)
    places = {place["name"]: place for place in kind["locations"]}
    if kind["deprecated"]:
        raise invalid("server_type", "server type is deprecated")
    if region not in places:
        raise invalid("server_type", f"unsupported location for server type {size}")
    if not places[region]["available"]:
        raise refusal(412, "resource_unavailable", "error during placement")
    return {"size": size, "region": region, "image": image}


def _key(call: Call, wanted: object) -> str:
    rows = list(call.world.keys.values())
    name = catalogue.named(wanted, rows)
    if name is None:
        raise invalid("ssh_keys", f"SSH key {wanted} not found")
    return name


def _network(number: object) -> int:
    known: int = catalogue.network()["id"]
    if number != known:
        raise WORDS.not_found("network")
    return known


def _wall(call: Call, number: object) -> Json:
    found = call.world.firewalls.get(str(number))
    if found is None:
        raise WORDS.not_found("firewall")
    return found


def _machine(call: Call) -> Json:
    found = call.world.machines.get(call.parts["id"])
    if found is None:
        raise WORDS.not_found("server")
    return found


def servers_list(call: Call) -> Answer:
    """GET /servers."""
    world = call.world
    rows = list(world.machines.values())
    return listed(call, "servers", rows, lambda machine: shapes.server(world, machine))


def server_get(call: Call) -> Answer:
    """GET /servers/{id}."""
    return 200, {"server": shapes.server(call.world, _machine(call))}


def server_update(call: Call) -> Answer:
    """PUT /servers/{id}: name and labels."""
    machine = _machine(call)
    machine.update({key: call.body[key] for key in ("name", "labels") if key in call.body})
    call.world.revision += 1
    return 200, {"server": shapes.server(call.world, machine)}


def server_delete(call: Call) -> Answer:
    """DELETE /servers/{id}."""
    machine = _idle(call)
    before = machine["status"]
    machine["status"] = "deleting"
    action = call.world.begin("destroy", machine, {"gone": True}, {"status": before})
    return 200, {"action": shapes.action(action)}


def _idle(call: Call) -> Json:
    machine = _machine(call)
    if call.world.is_busy(machine):
        raise locked()
    return machine


def _acting(command: str, change: Json) -> Callable[[Call], Answer]:
    def handler(call: Call) -> Answer:
        machine = _idle(call)
        action = call.world.begin(command, machine, change, {})
        return 201, {"action": shapes.action(action)}

    return handler


def server_resize(call: Call) -> Answer:
    """POST /servers/{id}/actions/change_type: only while it is off."""
    machine = _idle(call)
    if machine["status"] != "off":
        raise refusal(412, "server_not_stopped", "server must be stopped")
    kinds = catalogue.server_types(call.world.conduct)
    size = catalogue.named(call.body.get("server_type"), kinds)
    if size is None:
        raise invalid("server_type", "server type does not exist")
    if call.world.conduct.is_out_of_stock(size, machine["region"]):
        raise refusal(412, "resource_unavailable", "error during placement")
    action = call.world.begin("resize", machine, {"size": size}, {})
    return 201, {"action": shapes.action(action)}


def server_rebuild(call: Call) -> Answer:
    """POST /servers/{id}/actions/rebuild."""
    machine = _idle(call)
    image = catalogue.named(call.body.get("image"), catalogue.images(call.world.conduct))
    if image is None:
        raise invalid("image", "image does not exist")
    action = call.world.begin("rebuild", machine, {"image": image, "status": "running"}, {})
    return 201, {"action": shapes.action(action), "root_password": None}


def actions_list(call: Call) -> Answer:
    """GET /actions?id=…, /servers/{id}/actions."""
    rows = list(call.world.actions.values())
    if "id" in call.parts:
        rows = [row for row in rows if str(row["machine"]) == call.parts["id"]]
    return listed(call, "actions", rows, shapes.action)


def action_get(call: Call) -> Answer:
    """GET /actions/{action_id}."""
    found = call.world.actions.get(call.parts["action_id"])
    if found is None:
        raise WORDS.not_found("action")
    return 200, {"action": shapes.action(found)}


TABLE: Table = [
    ("GET", "/servers", servers_list),
    ("POST", "/servers", server_create),
    ("GET", "/servers/actions/{action_id}", action_get),
    ("GET", "/servers/{id}", server_get),
    ("PUT", "/servers/{id}", server_update),
    ("DELETE", "/servers/{id}", server_delete),
    ("GET", "/servers/{id}/actions", actions_list),
    ("POST", "/servers/{id}/actions/poweron", _acting("power_on", {"status": "running"})),
    ("POST", "/servers/{id}/actions/poweroff", _acting("power_off", {"status": "off"})),
    ("POST", "/servers/{id}/actions/shutdown", _acting("shutdown", {"status": "off"})),
    ("POST", "/servers/{id}/actions/reboot", _acting("reboot", {"status": "running"})),
    ("POST", "/servers/{id}/actions/reset", _acting("reset", {"status": "running"})),
    ("POST", "/servers/{id}/actions/change_type", server_resize),
    ("POST", "/servers/{id}/actions/rebuild", server_rebuild),
    ("GET", "/actions", actions_list),
    ("GET", "/actions/{action_id}", action_get),
]
