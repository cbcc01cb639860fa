"""Every Stripe object by kind and id, and the lists that Stripe makes of them."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from typing import Any

from sandbox.stripe.errors import StripeError, invalid, missing
from sandbox.stripe.params import Params
from sandbox.types import Json

_ALPHABET = string.ascii_letters + string.digits
_RANGE = {"gt": int.__gt__, "gte": int.__ge__, "lt": int.__lt__, "lte": int.__le__}


def new_id(prefix: str, length: int = 24) -> str:
    """Return an id that looks like Stripe's: a prefix and random letters and digits."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))


class Objects:
    """All objects of the account, each kind in order of creation."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[str, Json]] = {}
        self._by_id: dict[str, Json] = {}

    def add(self, obj: Json) -> Json:
        """Keep a new object."""
        self.kinds.setdefault(obj["object"], {})[obj["id"]] = obj
        self._by_id[obj["id"]] = obj
        return obj

    def load(self, kinds: dict[str, dict[str, Json]]) -> None:
        """Replace everything by what a state file holds."""
        self.kinds = kinds
        self._by_id = {key: obj for family in kinds.values() for key, obj in family.items()}

    def of(self, kind: str) -> list[Json]:
        """Return all objects of a kind, oldest first."""
        return list(self.kinds.get(kind, {}).values())

    def find(self, object_id: str) -> Json | None:
        """Return the object with this id, of whatever kind."""
        return self._by_id.get(object_id)

    def get(self, kind: str, object_id: str, param: str = "id") -> Json:
        """Return an object or raise Stripe's `resource_missing` (400 when a parameter named it)."""
        found = self.kinds.get(kind, {}).get(object_id)
        if found is None:
            raise missing(kind, object_id, param, status=404 if param == "id" else 400)
        return found

    def alive(self, kind: str, object_id: str, param: str = "id") -> Json:
        """Return an object that was not deleted."""
        found = self.get(kind, object_id, param)
        if found.get("deleted"):
            raise missing(kind, object_id, param, status=404 if param == "id" else 400)
        return found

    def replace(self, obj: Json) -> Json:
        """Put another document in the place of the object with the same id."""
        return self.add(obj)


def listing(data: list[Json], url: str, *, has_more: bool = False) -> Json:
    """Return Stripe's list object."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def page(found: Iterable[Json], params: Params, url: str) -> Json:
    """Return one page of objects given oldest first, newest first as Stripe lists them."""
    limit = params.number("limit", 10) or 0
    if not 1 <= limit <= 100:
        message = f"Invalid integer: {limit}; limit must be between 1 and 100"
        raise invalid(message, "limit", "parameter_invalid_integer")
    rows = [obj for obj in reversed(list(found)) if created_within(params, obj.get("created", 0))]
    before = params.text("ending_before")
    if before:
        rows = rows[: _position(rows, before, "ending_before")]
        return listing(rows[-limit:], url, has_more=len(rows) > limit)
    after = params.text("starting_after")
    if after:
        rows = rows[_position(rows, after, "starting_after") + 1 :]
    return listing(rows[:limit], url, has_more=len(rows) > limit)


def _position(rows: list[Json], object_id: str, param: str) -> int:
    for index, row in enumerate(rows):
        if row["id"] == object_id:
            return index
    raise StripeError(400, f"No such object: '{object_id}'", code="resource_missing", param=param)


def created_within(params: Params, created: int) -> bool:
    """Tell whether a moment is inside the `created` filter of a list call."""
    wanted: Any = params.values.get("created")
    if not wanted:
        return True
    if isinstance(wanted, str):
        return created == params.number("created")
    bounds = params.child("created")
    bounds.allow(_RANGE)
    return all(
        compare(created, bounds.number(name) or 0)
        for name, compare in _RANGE.items()
        if name in bounds
    )
