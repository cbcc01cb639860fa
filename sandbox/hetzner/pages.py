"""Hetzner's lists: filters that all of them share, and pages."""

from __future__ import annotations

import math
from collections.abc import Callable

from sandbox.hetzner.errors import invalid
from sandbox.hetzner.shapes import selects
from sandbox.machines.wire import Answer, Call, whole
from sandbox.types import Json

MOST = 50


def listed(
    call: Call, name: str, rows: list[Json], shape: Callable[[Json], Json] | None = None
) -> Answer:
    """Return one page of the rows that the query asks for."""
    found = [row for row in rows if _matches(call, row)]
    number, size = whole(call.query.get("page"), 1), whole(call.query.get("per_page"), 25)
    if size > MOST:
        raise invalid("per_page", f"must be between 1 and {MOST}")
    shown = found[(number - 1) * size : number * size]
    last = max(1, math.ceil(len(found) / size))
    pagination = {
        "page": number,
        "per_page": size,
        "previous_page": number - 1 if number > 1 else None,
        "next_page": number + 1 if number < last else None,
        "last_page": last,
        "total_entries": len(found),
    }
    return 200, {
        name: [shape(row) if shape else row for row in shown],
        "meta": {"pagination": pagination},
    }


def _matches(call: Call, row: Json) -> bool:
    names, ids = call.query.getlist("name"), call.query.getlist("id")
    selector = call.query.get("label_selector")
    statuses, kinds = call.query.getlist("status"), call.query.getlist("architecture")
    return (
        (not names or row.get("name") in names)
        and (not ids or str(row["id"]) in ids)
        and (selector is None or selects(selector, row.get("labels", {})))
        and (not statuses or row.get("status") in statuses)
        and (not kinds or row.get("architecture") in kinds)
    )
