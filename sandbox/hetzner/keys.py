"""Hetzner's SSH keys."""

from __future__ import annotations

from sandbox.hetzner import shapes
from sandbox.hetzner.errors import WORDS, invalid, taken
from sandbox.hetzner.pages import listed
from sandbox.machines.wire import Answer, Call, Table
from sandbox.machines.world import fingerprint
from sandbox.types import Json


def keys_list(call: Call) -> Answer:
    """GET /ssh_keys."""
    rows = list(call.world.keys.values())
    wanted = call.query.get("fingerprint")
    found = [row for row in rows if wanted in (None, row["fingerprint"])]
    return listed(call, "ssh_keys", found, shapes.ssh_key)


def key_create(call: Call) -> Answer:
    """POST /ssh_keys: name and key are unique."""
    world, name, public = call.world, call.body.get("name"), str(call.body.get("public_key", ""))
    if not name:
        raise invalid("name", "Missing data for required field.")
    if not public.startswith(("ssh-", "ecdsa-")):
        raise invalid("public_key", "public key is not valid")
    for row in world.keys.values():
        if row["name"] == name or row["fingerprint"] == fingerprint(public):
            raise taken("public_key", "SSH key with the same fingerprint or name already exists")
    key: Json = {
        "id": world.next_number(),
        "name": name,
        "fingerprint": fingerprint(public),
        "public_key": public,
        "labels": call.body.get("labels") or {},
        "created": world.now(),
    }
    world.keys[str(key["id"])] = key
    return 201, {"ssh_key": shapes.ssh_key(key)}


def key_get(call: Call) -> Answer:
    """GET /ssh_keys/{id}."""
    return 200, {"ssh_key": shapes.ssh_key(_key(call))}


def key_update(call: Call) -> Answer:
    """PUT /ssh_keys/{id}: name and labels."""
    key = _key(call)
    key.update({field: call.body[field] for field in ("name", "labels") if field in call.body})
    call.world.revision += 1
    return 200, {"ssh_key": shapes.ssh_key(key)}


def key_delete(call: Call) -> Answer:
    """DELETE /ssh_keys/{id}."""
    del call.world.keys[str(_key(call)["id"])]
    call.world.revision += 1
    return 204, None


def _key(call: Call) -> Json:
    found = call.world.keys.get(call.parts["id"])
    if found is None:
        raise WORDS.not_found("ssh_key")
    return found


TABLE: Table = [
    ("GET", "/ssh_keys", keys_list),
    ("POST", "/ssh_keys", key_create),
    ("GET", "/ssh_keys/{id}", key_get),
    ("PUT", "/ssh_keys/{id}", key_update),
    ("DELETE", "/ssh_keys/{id}", key_delete),
]
