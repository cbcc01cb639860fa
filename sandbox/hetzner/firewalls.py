"""Hetzner's firewalls: rules, and what they are applied to."""

from __future__ import annotations

from sandbox.hetzner import shapes
from sandbox.hetzner.errors import WORDS, invalid, refusal, taken
from sandbox.hetzner.pages import listed
from sandbox.machines.wire import Answer, Call, Table
from sandbox.machines.world import DONE, MachineWorld
from sandbox.types import Json

_PROTOCOLS = ("tcp", "udp", "icmp", "esp", "gre")


def firewalls_list(call: Call) -> Answer:
    """GET /firewalls."""
    world = call.world
    rows = list(world.firewalls.values())
    return listed(call, "firewalls", rows, lambda wall: shapes.firewall(world, wall))


def firewall_create(call: Call) -> Answer:
    """POST /firewalls: the name is unique."""
    world, name = call.world, call.body.get("name")
    if not name:
        raise invalid("name", "Missing data for required field.")
    if any(wall["name"] == name for wall in world.firewalls.values()):
        raise taken("name", "firewall name is already used")
    wall: Json = {
        "id": world.next_number(),
        "name": name,
        "labels": call.body.get("labels") or {},
        "rules": _rules(call.body),
        "to": [_target(to) for to in call.body.get("apply_to") or []],
        "created": world.now(),
    }
    world.firewalls[str(wall["id"])] = wall
    return 201, {"firewall": shapes.firewall(world, wall), "actions": []}


def _rules(body: Json) -> list[Json]:
    rules = []
    for rule in body.get("rules") or []:
        if rule.get("protocol") not in _PROTOCOLS or rule.get("direction") not in ("in", "out"):
            raise invalid("rules", "rule is not valid")
        if rule["protocol"] in ("tcp", "udp") and not rule.get("port"):
            raise invalid("rules", "port is required for tcp and udp")
        rules.append(
            {
                "description": rule.get("description"),
                "direction": rule["direction"],
                "protocol": rule["protocol"],
                "port": rule.get("port"),
                "source_ips": rule.get("source_ips") or [],
                "destination_ips": rule.get("destination_ips") or [],
            }
        )
    return rules


def _target(to: Json) -> Json:
    kind = to.get("type")
    if kind not in ("server", "label_selector") or kind not in to:
        raise invalid("apply_to", "resource is not valid")
    return {kind: to[kind]}


def firewall_get(call: Call) -> Answer:
    """GET /firewalls/{id}."""
    return 200, {"firewall": shapes.firewall(call.world, _wall(call))}


def firewall_update(call: Call) -> Answer:
    """PUT /firewalls/{id}: name and labels."""
    wall = _wall(call)
    wall.update({field: call.body[field] for field in ("name", "labels") if field in call.body})
    call.world.revision += 1
    return 200, {"firewall": shapes.firewall(call.world, wall)}


def firewall_delete(call: Call) -> Answer:
    """DELETE /firewalls/{id}: refused while it protects a server."""
    wall, world = _wall(call), call.world
    if any(shapes.applies(wall, machine) for machine in world.machines.values()):
        raise refusal(422, "resource_in_use", "firewall is still in use")
    del world.firewalls[str(wall["id"])]
    world.revision += 1
    return 204, None


def rules_set(call: Call) -> Answer:
    """POST /firewalls/{id}/actions/set_rules."""
    wall = _wall(call)
    wall["rules"] = _rules(call.body)
    return 201, {"actions": [_done(call.world, wall, "set_firewall_rules")]}


def firewall_apply(call: Call) -> Answer:
    """POST /firewalls/{id}/actions/apply_to_resources: refused for what it is applied to."""
    wall = _wall(call)
    wanted = [_target(to) for to in call.body.get("apply_to") or []]
    if any(to in wall["to"] for to in wanted):
        raise refusal(422, "firewall_already_applied", "firewall is already applied to resource")
    wall["to"] += wanted
    return 201, {"actions": [_done(call.world, wall, "apply_firewall")]}


def firewall_remove(call: Call) -> Answer:
    """POST /firewalls/{id}/actions/remove_from_resources."""
    wall = _wall(call)
    unwanted = [_target(to) for to in call.body.get("remove_from") or []]
    wall["to"] = [to for to in wall["to"] if to not in unwanted]
    return 201, {"actions": [_done(call.world, wall, "remove_firewall")]}


def _done(world: MachineWorld, wall: Json, command: str) -> Json:
    now = world.now()
    row: Json = {
        "id": world.next_number(),
        "command": command,
        "machine": wall["id"],
        "resource": "firewall",
        "started": now,
        "due": now,
        "finished": now,
        "status": DONE,
    }
    world.actions[str(row["id"])] = row
    return shapes.action(row)


def _wall(call: Call) -> Json:
    found = call.world.firewalls.get(call.parts["id"])
    if found is None:
        raise WORDS.not_found("firewall")
    return found


TABLE: Table = [
    ("GET", "/firewalls", firewalls_list),
    ("POST", "/firewalls", firewall_create),
    ("GET", "/firewalls/{id}", firewall_get),
    ("PUT", "/firewalls/{id}", firewall_update),
    ("DELETE", "/firewalls/{id}", firewall_delete),
    ("POST", "/firewalls/{id}/actions/set_rules", rules_set),
    ("POST", "/firewalls/{id}/actions/apply_to_resources", firewall_apply),
    ("POST", "/firewalls/{id}/actions/remove_from_resources", firewall_remove),
]
