"""Filters, order and pages of Cloudflare's lists."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from sandbox.cloudflare.errors import CloudflareError, envelope
from sandbox.types import Json

Test = Callable[[Json], bool]

_WORDS: dict[str, Callable[[str, str], bool]] = {
    "exact": lambda value, wanted: value.lower() == wanted.lower(),
    "contains": lambda value, wanted: wanted.lower() in value.lower(),
    "startswith": lambda value, wanted: value.lower().startswith(wanted.lower()),
    "endswith": lambda value, wanted: value.lower().endswith(wanted.lower()),
}
_ORDERS = ("type", "name", "content", "ttl", "proxied")


def _field_test(field: str, word: str, wanted: str) -> Test:
    if word in ("present", "absent"):
        return lambda row: bool(row[field]) is (word == "present")
    compare = _WORDS[word]
    return lambda row: compare(str(row[field] or ""), wanted)


def _tag_test(word: str, wanted: str) -> Test:
    name, _, value = wanted.partition(":")

    def values(row: Json) -> list[str]:
        pairs = (tag.partition(":") for tag in row["tags"])
        return [pair[2] for pair in pairs if pair[0].lower() == name.lower()]

    if word == "present":
        return lambda row: bool(values(row))
    if word == "absent":
        return lambda row: not values(row)
    compare = _WORDS[word]
    return lambda row: any(compare(found, value) for found in values(row))


def _tests(query: Mapping[str, str]) -> Iterable[Test]:
    for key, wanted in query.items():
        field, _, word = key.partition(".")
        if field in ("name", "content", "comment") and (word or "exact") in (
            *_WORDS,
            "present",
            "absent",
        ):
            yield _field_test(field, word or "exact", wanted)
        elif field == "type":
            yield lambda row, kind=wanted: row["type"] == kind.upper()  # type: ignore[misc]
        elif field == "proxied":
            yield lambda row, flag=wanted == "true": row["proxied"] is flag  # type: ignore[misc]
        elif field == "search":
            yield lambda row, text=wanted: any(  # type: ignore[misc]
                text.lower() in str(row[name] or "").lower()
                for name in ("name", "content", "comment")
            )


def _tag_tests(query: Mapping[str, str]) -> Iterable[Test]:
    for key, wanted in query.items():
        field, _, word = key.partition(".")
        if field == "tag" and (word or "exact") in (*_WORDS, "present", "absent"):
            yield _tag_test(word or "exact", wanted)


def matching(rows: Iterable[Json], query: Mapping[str, str]) -> list[Json]:
    """Return the rows that the query asks for; tags combine by `tag_match`, all else by `match`."""
    tests, tag_tests = list(_tests(query)), list(_tag_tests(query))
    if tag_tests:
        combine_tags = any if query.get("tag_match") == "any" else all
        tests.append(lambda row: combine_tags(test(row) for test in tag_tests))
    combine = any if tests and query.get("match") == "any" else all
    return [row for row in rows if combine(test(row) for test in tests)]


def page(rows: list[Json], query: Mapping[str, str], default: int, most: int) -> Json:
    """Return one page in the envelope, with what Cloudflare tells about all pages."""
    number, size = _whole(query, "page", 1), _whole(query, "per_page", default)
    if not 1 <= size <= most:
        raise CloudflareError(400, 1004, f"per_page must be between 1 and {most}")
    order = query.get("order", "")
    if order in _ORDERS:
        rows = sorted(rows, key=lambda row: row[order], reverse=query.get("direction") == "desc")
    shown = rows[(number - 1) * size : number * size]
    info = {
        "page": number,
        "per_page": size,
        "count": len(shown),
        "total_count": len(rows),
        "total_pages": math.ceil(len(rows) / size),
    }
    return envelope(shown, info)


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not value.isdigit() or int(value) < 1:
        raise CloudflareError(400, 1004, f"{name} must be a positive number")
    return int(value)
