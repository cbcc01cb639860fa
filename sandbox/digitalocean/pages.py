"""DigitalOcean's pages: links to the neighbours, and how many there are in all."""

from __future__ import annotations

import math

from sandbox.digitalocean.errors import unprocessable
from sandbox.machines.wire import Answer, Call, whole
from sandbox.types import Json

MOST = 200


def listed(call: Call, name: str, rows: list[Json]) -> Answer:
    """Return one page."""
    number, size = whole(call.query.get("page"), 1), whole(call.query.get("per_page"), 20)
    if size > MOST:
        raise unprocessable(f"per_page must be between 1 and {MOST}")
    last = max(1, math.ceil(len(rows) / size))
    others = "".join(
        f"&{key}={value}"
        for key, value in call.query.multi_items()
        if key not in ("page", "per_page")
    )

    def link(page: int) -> str:
        return f"{call.base}?page={page}&per_page={size}{others}"

    pages: Json = {}
    if number > 1:
        pages |= {"first": link(1), "prev": link(number - 1)}
    if number < last:
        pages |= {"next": link(number + 1), "last": link(last)}
    shown = rows[(number - 1) * size : number * size]
    links = {"pages": pages} if pages else {}
    return 200, {name: shown, "links": links, "meta": {"total": len(rows)}}
