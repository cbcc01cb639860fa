"""People, their groups, and the links by which they set a password."""

from __future__ import annotations

import hashlib
import secrets
import time
from uuid import uuid4

from sandbox.authentik import shapes
from sandbox.authentik.call import Answer, Call, Table, given, listed, matching, row_at
from sandbox.authentik.errors import invalid, missing
from sandbox.types import Json

DAY = 24 * 60 * 60
_CHANGEABLE = ("username", "name", "is_active", "email", "attributes", "path", "type")


def users_list(call: Call) -> Answer:
    """GET /core/users/."""
    world, query = call.world, call.query
    found = matching(call, world.users, "username", "email", "path", "name")
    if "groups_by_name" in query:
        names = query.getlist("groups_by_name")
        found = [u for u in found if {g["name"] for g in world.groups_of(u)} & set(names)]
    if "is_active" in query:
        found = [row for row in found if row["is_active"] is (query["is_active"] == "true")]
    return listed(call, found, shapes.user)


def user_create(call: Call) -> Answer:
    """POST /core/users/: the user name is unique."""
    world = call.world
    row: Json = {
        "is_active": True,
        "email": "",
        "attributes": {},
        "path": "users",
        "type": "internal",
        **given(call, _CHANGEABLE),
        "pk": world.next_number(),
        "password": "",
    }
    for needed in ("username", "name"):
        if needed not in row:
            raise invalid(needed, "This field is required.")
    if any(other["username"] == row["username"] for other in world.users.values()):
        raise invalid("username", "This field must be unique.")
    world.users[str(row["pk"])] = row
    for group in call.body.get("groups", []):
        _group_of(call, group)["users"].append(row["pk"])
    return 201, shapes.user(world, row)


def user_get(call: Call) -> Answer:
    """GET /core/users/{id}/."""
    return 200, shapes.user(call.world, _user(call))


def user_update(call: Call) -> Answer:
    """PATCH /core/users/{id}/."""
    row = _user(call)
    row.update(given(call, _CHANGEABLE))
    return 200, shapes.user(call.world, row)


def user_delete(call: Call) -> Answer:
    """DELETE /core/users/{id}/: its memberships and bindings go with it."""
    world, row = call.world, _user(call)
    del world.users[str(row["pk"])]
    for group in world.groups_of(row):
        group["users"].remove(row["pk"])
    world.unbind("user", row)
    return 204, None


def user_recovery(call: Call) -> Answer:
    """POST /core/users/{id}/recovery/: a link of one use, good for a day."""
    row, key = _user(call), secrets.token_hex(30)
    call.world.recoveries[key] = {"user": row["pk"], "until": time.time() + DAY}
    base = call.world.config.public_url
    return 200, {"link": f"{base}/if/flow/default-recovery-flow/?flow_token={key}"}


def user_set_password(call: Call) -> Answer:
    """POST /core/users/{id}/set_password/."""
    if not call.body.get("password"):
        raise invalid("password", "This field is required.")
    _user(call)["password"] = sealed(str(call.body["password"]))
    return 204, None


def sealed(password: str) -> str:
    """Return what is kept of a password."""
    return hashlib.sha256(password.encode()).hexdigest()


def groups_list(call: Call) -> Answer:
    """GET /core/groups/."""
    name, search = call.query.get("name"), call.query.get("search", "")
    groups = call.world.groups.values()
    found = [row for row in groups if name in (None, row["name"]) and search in row["name"]]
    return listed(call, found, shapes.group)


def group_create(call: Call) -> Answer:
    """POST /core/groups/: the name is unique."""
    world, name = call.world, call.body.get("name")
    if not name:
        raise invalid("name", "This field is required.")
    if any(other["name"] == name for other in world.groups.values()):
        raise invalid("name", "Group with this name already exists.")
    row: Json = {"pk": str(uuid4()), "num_pk": world.next_number(), "name": name}
    row["attributes"] = call.body.get("attributes", {})
    row["users"] = list(call.body.get("users", []))
    world.groups[row["pk"]] = row
    return 201, shapes.group(world, row)


def group_get(call: Call) -> Answer:
    """GET /core/groups/{group_uuid}/."""
    return 200, shapes.group(call.world, _group(call))


def group_update(call: Call) -> Answer:
    """PATCH /core/groups/{group_uuid}/."""
    row = _group(call)
    row.update(given(call, ("name", "users")))
    return 200, shapes.group(call.world, row)


def group_delete(call: Call) -> Answer:
    """DELETE /core/groups/{group_uuid}/: its bindings go with it."""
    world, row = call.world, _group(call)
    del world.groups[row["pk"]]
    world.unbind("group", row)
    return 204, None


def group_add_user(call: Call) -> Answer:
    """POST /core/groups/{group_uuid}/add_user/."""
    row, person = _group(call), _person(call)
    if person["pk"] not in row["users"]:
        row["users"].append(person["pk"])
    return 204, None


def group_remove_user(call: Call) -> Answer:
    """POST /core/groups/{group_uuid}/remove_user/."""
    row, person = _group(call), _person(call)
    if person["pk"] in row["users"]:
        row["users"].remove(person["pk"])
    return 204, None


def _person(call: Call) -> Json:
    found = call.world.users.get(str(call.body.get("pk")))
    if found is None:
        raise missing("User")
    return found


def _user(call: Call) -> Json:
    return row_at(call, call.world.users, "id", "User")


def _group(call: Call) -> Json:
    return _group_of(call, call.parts["group_uuid"])


def _group_of(call: Call, pk: str) -> Json:
    found = call.world.groups.get(pk)
    if found is None:
        raise missing("Group")
    return found


TABLE: Table = [
    ("GET", "/core/users/", users_list),
    ("POST", "/core/users/", user_create),
    ("GET", "/core/users/{id}/", user_get),
    ("PATCH", "/core/users/{id}/", user_update),
    ("DELETE", "/core/users/{id}/", user_delete),
    ("POST", "/core/users/{id}/recovery/", user_recovery),
    ("POST", "/core/users/{id}/set_password/", user_set_password),
    ("GET", "/core/groups/", groups_list),
    ("POST", "/core/groups/", group_create),
    ("GET", "/core/groups/{group_uuid}/", group_get),
    ("PATCH", "/core/groups/{group_uuid}/", group_update),
    ("DELETE", "/core/groups/{group_uuid}/", group_delete),
    ("POST", "/core/groups/{group_uuid}/add_user/", group_add_user),
    ("POST", "/core/groups/{group_uuid}/remove_user/", group_remove_user),
]
