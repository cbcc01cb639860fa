"""One API call, and how lists are answered: in pages, filtered by the query."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.datastructures import QueryParams

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
