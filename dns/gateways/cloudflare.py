"""Cloudflare's DNS API, version 4. Error codes: api.cloudflare.com, "DNS Records for a Zone"."""

from functools import lru_cache
from typing import Any

import httpx
from django.conf import settings

from dns.gateways.base import DnsProvider, RemoteRecord, WantedRecord
from wopr.common import http
from wopr.common.answers import understood
from wopr.common.errors import ProviderError

PAGE_SIZE = 100
# Of a whole zone: Cloudflare allows five million, one answer should stay below a megabyte.
BULK_PAGE_SIZE = 1000
_NOT_FOUND = 81044
# What an earlier request, thought lost, has made meanwhile: another look finds it.
_IDENTICAL = 81058


@understood("Cloudflare")
class Cloudflare:
    def __init__(self, *, url: str, token: str) -> None:
        self._session = http.client(url, headers={"Authorization": f"Bearer {token}"})
        self._zone_ids: dict[str, str] = {}

    def listing(self, zone: str) -> list[RemoteRecord]:
        # In a fixed order, or a change meanwhile would move records from one page to another.
        return self._all(zone, {"per_page": BULK_PAGE_SIZE, "order": "name"})

    def find(self, zone: str, *, name: str) -> list[RemoteRecord]:
        return self._all(zone, {"name": name, "per_page": PAGE_SIZE})

    def _all(self, zone: str, filters: dict[str, Any]) -> list[RemoteRecord]:
        """Follows the pages to the end."""
        found: list[RemoteRecord] = []
        query = {**filters, "page": 1}
        while True:
            answer = self._call("GET", self._records(zone), params=query)
            found += [_remote(item) for item in answer["result"]]
            if query["page"] >= (answer.get("result_info") or {}).get("total_pages", 1):
                return found
            query["page"] += 1

    def create(self, zone: str, record: WantedRecord) -> RemoteRecord:
        return _remote(self._call("POST", self._records(zone), json=_body(record))["result"])

    def update(self, zone: str, record_id: str, record: WantedRecord) -> RemoteRecord:
        path = f"{self._records(zone)}/{record_id}"
        return _remote(self._call("PUT", path, json=_body(record))["result"])

    def delete(self, zone: str, record_id: str) -> None:
        self._call("DELETE", f"{self._records(zone)}/{record_id}", accept=(_NOT_FOUND,))

    def _records(self, zone: str) -> str:
        return f"zones/{self._zone_id(zone)}/dns_records"

    def _zone_id(self, zone: str) -> str:
        if zone not in self._zone_ids:
            result = self._call("GET", "zones", params={"name": zone})["result"]
            if not result:
                raise ProviderError(
                    f"Cloudflare has no zone {zone} for this token: check CLOUDFLARE_ZONE and the"
                    " token's rights.",
                    permanent=True,
                )
            self._zone_ids[zone] = result[0]["id"]
        return self._zone_ids[zone]

    def _call(
        self, method: str, path: str, *, accept: tuple[int, ...] = (), **options: Any
    ) -> dict[str, Any]:
        response = http.request(self._session, "Cloudflare", method, path, **options)
        answer = _envelope(response)
        codes = {error.get("code") for error in answer.get("errors", [])}
        if answer.get("success") or codes & set(accept):
            return answer
        reasons = "; ".join(f"{e.get('message')} ({e.get('code')})" for e in answer["errors"])
        raise ProviderError(
            f"Cloudflare refused {method} {path}: {reasons}",
            permanent=_IDENTICAL not in codes,
        )


@lru_cache(maxsize=2)
def _provider(url: str, token: str) -> DnsProvider:
    return Cloudflare(url=url.rstrip("/") + "/", token=token)


def provider() -> DnsProvider:
    """The configured account; the connection is kept between calls."""
    return _provider(settings.CLOUDFLARE_API_URL, settings.CLOUDFLARE_API_TOKEN)


def _envelope(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise ProviderError(f"Cloudflare answered {response.status_code}, not JSON") from error
    if not isinstance(answer, dict):
        raise ProviderError(f"Cloudflare answered {response.status_code} without its envelope")
    answer.setdefault("errors", [])
    return answer


def _remote(item: dict[str, Any]) -> RemoteRecord:
    return RemoteRecord(
        id=item["id"],
        name=item["name"],
        type=item["type"],
        content=_unquoted(item) if item["type"] == "TXT" else item["content"],
        ttl=item["ttl"],
        proxied=bool(item.get("proxied")),
        comment=item.get("comment") or "",
    )


def _unquoted(item: dict[str, Any]) -> str:
    """A TXT record's text; Cloudflare keeps it in quotes, in parts of 255 when it is long."""
    return str(item["content"]).removeprefix('"').removesuffix('"').replace('" "', "")


def _body(record: WantedRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "type": record.type,
        "content": f'"{record.content}"' if record.type == "TXT" else record.content,
        "ttl": record.ttl,
        "comment": record.comment,
        "proxied": False,
    }
