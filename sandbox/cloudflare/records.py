"""DNS records: what Cloudflare accepts, and how it writes it down."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.cloudflare.errors import (
    CNAME_TAKEN,
    HOST_TAKEN,
    IDENTICAL,
    CloudflareError,
    invalid,
)
from sandbox.types import Json

PROXIABLE = ("A", "AAAA", "CNAME")
TYPES = (*PROXIABLE, "CAA", "MX", "NS", "PTR", "SRV", "TXT")
FIELDS = ("name", "type", "content", "ttl", "proxied", "comment", "tags", "priority")
TAGS_ALLOWED = 20
COMMENT_LENGTH = 100

_LABEL = re.compile(r"^(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)$")
_TAG = re.compile(r"^[A-Za-z0-9_-]{1,32}:.{0,100}$")


def stamp() -> str:
    """Return this moment as Cloudflare writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def record_new(zone: str, sent: Mapping[str, Any]) -> Json:
    """Return a new record, valid but not yet compared with its neighbours."""
    now = stamp()
    return {"id": secrets.token_hex(16), **_described(zone, sent), "created_on": now,
            "modified_on": now}  # fmt: skip


def record_changed(zone: str, record: Json, sent: Mapping[str, Any]) -> Json:
    """Return a record after an edit; fields that were not sent stay."""
    kept = {name: record[name] for name in FIELDS if name in record}
    changed = _described(zone, {**kept, **sent})
    return {**record, **changed, "modified_on": stamp()}


def record_overwritten(zone: str, record: Json, sent: Mapping[str, Any]) -> Json:
    """Return a record that replaces another one under the same id."""
    fresh = {**_described(zone, sent), "created_on": record["created_on"]}
    return {"id": record["id"], **fresh, "modified_on": stamp()}


def _described(zone: str, sent: Mapping[str, Any]) -> Json:
    kind = str(sent.get("type", "")).upper()
    if kind not in TYPES:
        raise invalid(1004, f"DNS Validation Error: the record type {kind!r} is not valid.")
    proxied = bool(sent.get("proxied", False))
    if proxied and kind not in PROXIABLE:
        raise invalid(9004, f"The 'proxied' field is not allowed for {kind} records.")
    described: Json = {
        "name": full_name(zone, sent.get("name")),
        "type": kind,
        "content": _content(kind, sent.get("content")),
        "proxiable": kind in PROXIABLE,
        "proxied": proxied,
        "ttl": 1 if proxied else _ttl(sent.get("ttl", 1)),
        "settings": {},
        "meta": {},
        "comment": _comment(sent.get("comment")),
        "tags": _tags(sent.get("tags") or []),
    }
    if kind in ("MX", "SRV"):
        described["priority"] = int(sent.get("priority", 10))
    return described


def full_name(zone: str, name: object) -> str:
    """Return a name as Cloudflare keeps it: lower case, with the zone's name at the end."""
    if not isinstance(name, str) or not name:
        raise invalid(9000, "DNS name is invalid.")
    full = name.lower().rstrip(".")
    if full == "@":
        full = zone
    if full != zone and not full.endswith(f".{zone}"):
        full = f"{full}.{zone}"
    if len(full) > 253 or not all(_LABEL.match(label) for label in full.split(".")):
        raise invalid(9000, "DNS name is invalid.")
    return full


def _content(kind: str, content: object) -> str:
    if not isinstance(content, str) or not content:
        raise invalid(9003, "Content is required.")
    if kind == "A":
        _address(content, ipaddress.IPv4Address, 9005, "Content for A record must be a valid IPv4")
    elif kind == "AAAA":
        _address(
            content, ipaddress.IPv6Address, 9006, "Content for AAAA record must be a valid IPv6"
        )
    elif kind in ("CNAME", "NS", "MX", "PTR"):
        content = content.lower().rstrip(".")
        if not all(_LABEL.match(label) for label in content.split(".")):
            raise invalid(9007, f"Content for {kind} record is invalid.")
    return content


def _address(content: str, kind: type[Any], code: int, message: str) -> None:
    try:
        kind(content)
    except ValueError:
        raise invalid(code, f"{message} address.") from None


def _ttl(ttl: object) -> int:
    if not isinstance(ttl, int | float) or (ttl != 1 and not 60 <= ttl <= 86_400):
        message = "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic."
        raise invalid(9021, message)
    return int(ttl)


def _comment(comment: object) -> str | None:
    if comment is None or comment == "":
        return None
    if not isinstance(comment, str) or len(comment) > COMMENT_LENGTH:
        message = f"DNS record comment may not exceed {COMMENT_LENGTH} characters."
        raise invalid(9313, message)
    return comment


def _tags(tags: object) -> list[str]:
    if not isinstance(tags, list):
        raise invalid(9301, "DNS record tags must be a list.")
    for tag in tags:
        if not isinstance(tag, str) or not _TAG.match(tag if ":" in tag else f"{tag}:"):
            raise invalid(9302, f"DNS record tag {tag!r} is invalid; use name:value.")
    return sorted(tags)


def refuse_conflict(record: Json, neighbours: list[Json], tags_allowed: int) -> None:
    """Raise when Cloudflare would not let the record stand beside its neighbours."""
    if len(record["tags"]) > tags_allowed:
        message = (
            f"DNS record has {len(record['tags'])} tags, exceeding the quota of {tags_allowed}."
        )
        raise invalid(9300, message)
    for other in neighbours:
        if other["id"] != record["id"] and other["name"] == record["name"]:
            _refuse_beside(record, other)


def _refuse_beside(record: Json, other: Json) -> None:
    addresses = ("A", "AAAA", "CNAME")
    if record["type"] == "CNAME" and other["type"] in addresses:
        raise CloudflareError(*HOST_TAKEN)
    if record["type"] in addresses and other["type"] == "CNAME":
        raise CloudflareError(*CNAME_TAKEN)
    if (record["type"], record["content"]) == (other["type"], other["content"]):
        raise CloudflareError(*IDENTICAL)
