"""DigitalOcean's firewalls: rules, and the droplets and tags that they protect."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from sandbox.digitalocean import shapes
from sandbox.digitalocean.droplets import tags_known
from sandbox.digitalocean.errors import WORDS, refusal, unprocessable
from sandbox.digitalocean.pages import listed
from sandbox.machines.wire import Answer, Call, Table
from sandbox.types import Json

_PARTS = ("inbound_rules", "outbound_rules", "droplet_ids", "tags")


def firewalls_list(call: Call) -> Answer:
    """GET /firewalls."""
    rows = [shapes.firewall(wall) for wall in call.world.firewalls.values()]
    return listed(call, "firewalls", rows)


def firewall_create(call: Call) -> Answer:
    """POST /firewalls: the name is unique."""
    world = call.world
    number = str(uuid.UUID(int=world.next_number()))
    wall: Json = {"id": number, "created": world.now(), **_wanted(call, None)}
    world.firewalls[number] = wall
    return 202, {"firewall": shapes.firewall(wall)}


def _wanted(call: Call, present: str | None) -> Json:
    name = call.body.get("name")
    if not name:
        raise unprocessable("name is required")
    others = [wall for wall in call.world.firewalls.values() if wall["id"] != present]
    if any(wall["name"] == name for wall in others):
        raise refusal(409, "conflict", "duplicate name")
    parts = {part: list(call.body.get(part) or []) for part in _PARTS}
    if not parts["inbound_rules"] and not parts["outbound_rules"]:
        raise unprocessable("at least one rule is required")
    unknown = [tag for tag in parts["tags"] if tag not in call.world.tags]
    if unknown:
        raise unprocessable(f"tags do not exist: {', '.join(unknown)}")
    return {"name": name, **parts}


def firewall_get(call: Call) -> Answer:
    """GET /firewalls/{id}."""
    return 200, {"firewall": shapes.firewall(_wall(call))}


def firewall_update(call: Call) -> Answer:
    """PUT /firewalls/{id}: everything is replaced."""
    wall = _wall(call)
    wall.update(_wanted(call, wall["id"]))
    call.world.revision += 1
    return 200, {"firewall": shapes.firewall(wall)}


def firewall_delete(call: Call) -> Answer:
    """DELETE /firewalls/{id}."""
    del call.world.firewalls[_wall(call)["id"]]
    call.world.revision += 1
    return 204, None


def _adding(part: str) -> Callable[[Call], Answer]:
    def handler(call: Call) -> Answer:
        wall, wanted = _wall(call), call.body.get(part) or []
        if part == "tags":
            tags_known(call, wanted)
        wall[part] += [item for item in wanted if item not in wall[part]]
        call.world.revision += 1
        return 204, None

    return handler


def _removing(part: str) -> Callable[[Call], Answer]:
    def handler(call: Call) -> Answer:
        wall, unwanted = _wall(call), call.body.get(part) or []
        wall[part] = [item for item in wall[part] if item not in unwanted]
        call.world.revision += 1
        return 204, None

    return handler


def rules_add(call: Call) -> Answer:
    """POST /firewalls/{id}/rules."""
    _adding("inbound_rules")(call)
    return _adding("outbound_rules")(call)


def rules_remove(call: Call) -> Answer:
    """DELETE /firewalls/{id}/rules."""
    _removing("inbound_rules")(call)
    return _removing("outbound_rules")(call)


def _wall(call: Call) -> Json:
    found = call.world.firewalls.get(call.parts["id"])
    if found is None:
        raise WORDS.not_found()
    return found


TABLE: Table = [
    ("GET", "/firewalls", firewalls_list),
    ("POST", "/firewalls", firewall_create),
    ("GET", "/firewalls/{id}", firewall_get),
    ("PUT", "/firewalls/{id}", firewall_update),
    ("DELETE", "/firewalls/{id}", firewall_delete),
    ("POST", "/firewalls/{id}/droplets", _adding("droplet_ids")),
    ("DELETE", "/firewalls/{id}/droplets", _removing("droplet_ids")),
    ("POST", "/firewalls/{id}/tags", _adding("tags")),
    ("DELETE", "/firewalls/{id}/tags", _removing("tags")),
    ("POST", "/firewalls/{id}/rules", rules_add),
    ("DELETE", "/firewalls/{id}/rules", rules_remove),
]
