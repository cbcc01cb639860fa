"""Caddy's admin API: one subtree, held under one @id, is ours; the rest is never touched.

Source: caddyserver.com/docs/api (traversal by /id/, PATCH replaces, PUT inserts into an array).
"""

from functools import lru_cache
from typing import Any

import httpx
from django.conf import settings

from fleet.gateways.caddy_table import SUBTREE
from wopr.common import http
from wopr.common.answers import understood
from wopr.common.errors import ProviderError


@understood("Caddy")
class Caddy:
    def __init__(self, *, url: str, server: str) -> None:
        self._session = http.client(url, headers={"Origin": url})
        self._routes = f"/config/apps/http/servers/{server}/routes"

    def read(self) -> dict[str, Any] | None:
        """Our subtree as Caddy holds it now, or None when it was never put there."""
        response = self._call("GET", f"/id/{SUBTREE}")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        if "unknown object ID" in response.text:
            return None
        found: dict[str, Any] = self._good(response).json()
        return found

    def write(self, subtree: dict[str, Any]) -> None:
        """Replaces our subtree as a whole, or puts it before the server's other routes."""
        if self.read() is None:
            self._good(self._call("PUT", f"{self._routes}/0", json=subtree))
        else:
            self._good(self._call("PATCH", f"/id/{SUBTREE}", json=subtree))

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return http.request(self._session, "Caddy", method, path, **options)

    @staticmethod
    def _good(response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        raise ProviderError(f"Caddy refused the routes: {response.text.strip()}")


@lru_cache(maxsize=2)
def _caddy(url: str, server: str) -> Caddy:
    return Caddy(url=url, server=server)


def caddy() -> Caddy:
    return _caddy(settings.CADDY_ADMIN_URL, settings.CADDY_SERVER)
