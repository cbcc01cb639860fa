"""One API call, and how lists are answered: in pages, filtered by the query."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from sandbox.authentik.errors import missing
from sandbox.authentik.world import AuthentikWorld
from sandbox.machines.wire import whole
from sandbox.types import Json


@dataclass(frozen=True)
class Call:
    """One API call, read completely."""

    world: AuthentikWorld
    parts: dict[str, str]
    query: QueryParams
    body: Json


Answer = tuple[int, Json | None]
Handler = Callable[[Call], Answer]
Table = Sequence[tuple[str, str, Handler]]


def row_at(call: Call, rows: Mapping[str, Json], part: str, kind: str) -> Json:
    """Return the row that this part of the path names. Raises Authentik's 404."""
    found = rows.get(call.parts[part])
    if found is None:
        raise missing(kind)
    return found


def matching(call: Call, rows: Mapping[str, Json], *names: str) -> list[Json]:
    """Return the rows that are as the query wants them in these fields."""
    wanted = {name: call.query[name] for name in names if name in call.query}
    return [
        row for row in rows.values() if all(row[name] == value for name, value in wanted.items())
    ]


def given(call: Call, names: Sequence[str]) -> Json:
    """Return what the body says of these fields."""
    return {name: call.body[name] for name in names if name in call.body}


def listed(call: Call, rows: list[Json], shape: Callable[[AuthentikWorld, Json], Json]) -> Answer:
    """Return one page of the rows."""
    number, size = whole(call.query.get("page"), 1), whole(call.query.get("page_size"), 20)
    size, total = min(size, 100), len(rows)
    last = max(1, math.ceil(total / size))
    first = (number - 1) * size
    shown = rows[first : first + size]
    pagination = {
        "next": number + 1 if number < last else 0,
        "previous": number - 1,
        "count": total,
        "current": number,
        "total_pages": last,
        "start_index": first + 1 if shown else 0,
        "end_index": first + len(shown),
    }
    results = [shape(call.world, row) for row in shown]
    return 200, {"pagination": pagination, "results": results, "autocomplete": {}}
