"""Everything that one Cloudflare account knows: zones and their records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.cloudflare import records
from sandbox.cloudflare.errors import (
    NO_ACCESS_TO_RECORDS,
    RECORD_MISSING,
    CloudflareError,
    no_route,
)
from sandbox.types import Json

ACCOUNT: Json = {
    "id": hashlib.md5(b"sandbox", usedforsecurity=False).hexdigest(),
    "name": "Sandbox",
}
_HEX = set("0123456789abcdef")


@dataclass(frozen=True)
class CloudflareConfig:
    """What the sandbox is told when it starts; a reset keeps it."""

    token: str
    zones: tuple[str, ...]


def identifier(name: str) -> str:
    """Return an id that is the same at every start."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def zone(name: str) -> Json:
    """Return an active zone."""
    now = records.stamp()
    return {
        "id": identifier(name),
        "name": name,
        "account": ACCOUNT,
        "activated_on": now,
        "created_on": now,
        "development_mode": 0,
        "meta": {
            "cdn_only": False,
            "custom_certificate_quota": 0,
            "dns_only": False,
            "foundation_dns": False,
            "page_rule_quota": 3,
            "phishing_detected": False,
            "step": 2,
        },
        "modified_on": now,
        "name_servers": ["ada.ns.example.com", "bob.ns.example.com"],
        "original_dnshost": None,
        "original_name_servers": None,
        "original_registrar": None,
        "owner": {**ACCOUNT, "type": "organization"},
        "paused": False,
        "permissions": ["#dns_records:read", "#dns_records:edit", "#zone:read"],
        "status": "active",
        "type": "full",
    }


class CloudflareWorld:
    """Zones and records; plain functions on one event loop, so each call is atomic."""

    def __init__(self, config: CloudflareConfig) -> None:
        self.config = config
        self.revision = 0
        self._forget()

    def _forget(self) -> None:
        self.tags_allowed = records.TAGS_ALLOWED
        self.zones: dict[str, Json] = {}
        self.records: dict[str, dict[str, Json]] = {}
        self._add_configured_zones()

    def _add_configured_zones(self) -> None:
        for name in self.config.zones:
            if identifier(name) not in self.zones:
                self.zones[identifier(name)] = zone(name)
                self.records[identifier(name)] = {}

    def zone(self, zone_id: str, path: str) -> Json:
        """Return a zone for record calls, or fail as Cloudflare does."""
        if len(zone_id) != 32 or not set(zone_id) <= _HEX:
            raise no_route(path)
        if zone_id not in self.zones:
            raise CloudflareError(*NO_ACCESS_TO_RECORDS)
        return self.zones[zone_id]

    def record(self, zone_id: str, record_id: str) -> Json:
        """Return a record."""
        found = self.records[zone_id].get(record_id)
        if found is None:
            raise CloudflareError(*RECORD_MISSING)
        return found

    def keep(self, zone_id: str, record: Json) -> Json:
        """Keep a new or changed record, unless its neighbours forbid it."""
        neighbours = list(self.records[zone_id].values())
        records.refuse_conflict(record, neighbours, self.tags_allowed)
        self.records[zone_id][record["id"]] = record
        self.revision += 1
        return record

    def remove(self, zone_id: str, record_id: str) -> Json:
        """Delete a record."""
        self.record(zone_id, record_id)
        del self.records[zone_id][record_id]
        self.revision += 1
        return {"id": record_id}

    def dump(self) -> Json:
        """Return everything as JSON."""
        return {"zones": self.zones, "records": self.records, "tags_allowed": self.tags_allowed}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a state; zones of this run's configuration are added."""
        self.zones, self.records = state["zones"], state["records"]
        self.tags_allowed = state["tags_allowed"]
        self._add_configured_zones()

    def reset(self) -> None:
        """Start again with empty zones."""
        self._forget()
        self.revision += 1
