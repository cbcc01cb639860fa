"""DigitalOcean's account, keys and tags."""

from __future__ import annotations

from sandbox.digitalocean import shapes
from sandbox.digitalocean.droplets import tags_known
from sandbox.digitalocean.errors import WORDS, unprocessable
from sandbox.digitalocean.pages import listed
from sandbox.machines.wire import Answer, Call, Table
from sandbox.machines.world import fingerprint
from sandbox.types import Json


def account_get(call: Call) -> Answer:
    """GET /account."""
    conduct = call.world.conduct
    return 200, {
        "account": {
            "droplet_limit": conduct.server_limit,
            "floating_ip_limit": 5,
            "email": "sandbox@example.com",
            "name": "Sandbox",
            "uuid": "b6fr89dbf6d9156cace5f3c78dc9851d957381ef",
            "email_verified": True,
            "status": "locked" if conduct.locked else "active",
            "status_message": "A bill is open." if conduct.locked else "",
            "team": {
                # pragma: allowlist nextline secret
                "uuid": "5df3e3004a17e242b7c20ca6c9fc25b701a47ece",
                "name": "Sandbox",
            },
        }
    }


def balance_get(_: Call) -> Answer:
    """GET /customers/my/balance."""
    zero = {"month_to_date_balance": "0.00", "account_balance": "0.00"}
    generated = "2026-01-01T00:00:00Z"
    return 200, {**zero, "month_to_date_usage": "0.00", "generated_at": generated}


def keys_list(call: Call) -> Answer:
    """GET /account/keys."""
    return listed(call, "ssh_keys", [_shown(key) for key in call.world.keys.values()])


def _shown(key: Json) -> Json:
    return {name: key[name] for name in ("id", "fingerprint", "public_key", "name")}


def key_create(call: Call) -> Answer:
    """POST /account/keys: a key is there once, whatever it is called."""
    world, public = call.world, str(call.body.get("public_key", ""))
    if not call.body.get("name") or not public.startswith(("ssh-", "ecdsa-")):
        raise unprocessable("Key invalid, key should be of the format `type key [comment]`")
    if any(row["fingerprint"] == fingerprint(public) for row in world.keys.values()):
        raise unprocessable("SSH Key is already in use on your account")
    key: Json = {
        "id": world.next_number(),
        "name": call.body["name"],
        "fingerprint": fingerprint(public),
        "public_key": public,
    }
    world.keys[str(key["id"])] = key
    return 201, {"ssh_key": _shown(key)}


def key_get(call: Call) -> Answer:
    """GET /account/keys/{id or fingerprint}."""
    return 200, {"ssh_key": _shown(_key(call))}


def key_update(call: Call) -> Answer:
    """PUT /account/keys/{id or fingerprint}."""
    key = _key(call)
    key["name"] = call.body.get("name") or key["name"]
    call.world.revision += 1
    return 200, {"ssh_key": _shown(key)}


def key_delete(call: Call) -> Answer:
    """DELETE /account/keys/{id or fingerprint}."""
    del call.world.keys[str(_key(call)["id"])]
    call.world.revision += 1
    return 204, None


def _key(call: Call) -> Json:
    wanted = call.parts["key"]
    for key in call.world.keys.values():
        if wanted in (str(key["id"]), key["fingerprint"]):
            return key
    raise WORDS.not_found()


def tags_list(call: Call) -> Answer:
    """GET /tags."""
    return listed(call, "tags", [shapes.tag(call.world, name) for name in call.world.tags])


def tag_create(call: Call) -> Answer:
    """POST /tags."""
    [name] = tags_known(call, [call.body.get("name", "")])
    return 201, {"tag": shapes.tag(call.world, name)}


def tag_get(call: Call) -> Answer:
    """GET /tags/{name}."""
    return 200, {"tag": shapes.tag(call.world, _tag(call))}


def tag_delete(call: Call) -> Answer:
    """DELETE /tags/{name}: also from all that bore it."""
    name = _tag(call)
    del call.world.tags[name]
    for machine in call.world.machines.values():
        machine["tags"] = [tag for tag in machine["tags"] if tag != name]
    return 204, None


def tag_put_on(call: Call) -> Answer:
    """POST /tags/{name}/resources."""
    name = _tag(call)
    for machine in _named(call):
        machine["tags"] = [*(tag for tag in machine["tags"] if tag != name), name]
    return 204, None


def tag_take_off(call: Call) -> Answer:
    """DELETE /tags/{name}/resources."""
    name = _tag(call)
    for machine in _named(call):
        machine["tags"] = [tag for tag in machine["tags"] if tag != name]
    return 204, None


def _tag(call: Call) -> str:
    if call.parts["tag"] not in call.world.tags:
        raise WORDS.not_found()
    return call.parts["tag"]


def _named(call: Call) -> list[Json]:
    ids = [str(row.get("resource_id")) for row in call.body.get("resources") or []]
    found = [call.world.machines.get(number) for number in ids]
    if not all(found):
        raise WORDS.not_found()
    call.world.revision += 1
    return [machine for machine in found if machine]


TABLE: Table = [
    ("GET", "/account", account_get),
    ("GET", "/customers/my/balance", balance_get),
    ("GET", "/account/keys", keys_list),
    ("POST", "/account/keys", key_create),
    ("GET", "/account/keys/{key}", key_get),
    ("PUT", "/account/keys/{key}", key_update),
    ("DELETE", "/account/keys/{key}", key_delete),
    ("GET", "/tags", tags_list),
    ("POST", "/tags", tag_create),
    ("GET", "/tags/{tag}", tag_get),
    ("DELETE", "/tags/{tag}", tag_delete),
    ("POST", "/tags/{tag}/resources", tag_put_on),
    ("DELETE", "/tags/{tag}/resources", tag_take_off),
]
