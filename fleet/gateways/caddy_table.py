"""The JSON of our subtree: one map from host names to where they lead, and what is done with it.

Measured with Caddy 2.11: a route for each name costs every request 0.75 µs for each route before
its own (1.5 ms behind 2,000), a map is a plain comparison of strings (20 µs), and one push of 2,000
names takes a quarter of a second. A map compares letters as they are written, so a name in capitals
is sent to its lower case.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

SUBTREE = "wopr-tenants"
# Without it every change of any tenant's route would cut all open WebSockets.
STREAM_CLOSE_DELAY = "8h"
# Where a name leads instead of to a bot: a page of ours, and its status.
PAGES = {"suspended": 402, "stopped": 503, "full": 507}
_YEAR = "max-age=31536000"
_PAGE_HEADERS = {
    "Content-Type": ["text/html; charset=utf-8"],
    "Cache-Control": ["no-store"],
    "Content-Security-Policy": [
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    ],
    "Referrer-Policy": ["no-referrer"],
    "Strict-Transport-Security": [_YEAR],
    "X-Content-Type-Options": ["nosniff"],
}


@dataclass(frozen=True, order=True)
class Entry:
    """One name: whose it is, and the address:port behind it, or one of PAGES."""

    hostname: str
    leads_to: str
    tenant: str


def subtree_of(entries: Iterable[Entry]) -> dict[str, Any]:
    """The subtree that serves these names, and answers every other one of the tenants' domain."""
    routes = [
        {"handle": [_map(entries)]},
        _bots(),
        *(_instead(page, status) for page, status in PAGES.items()),
        _capitals(),
        _unknown(),
    ]
    return {"@id": SUBTREE, "handle": [{"handler": "subroute", "routes": routes}]}


def entries_of(subtree: dict[str, Any] | None) -> list[Entry]:
    """The names that a subtree serves, whoever wrote it."""
    routes = (subtree["handle"][0].get("routes") or []) if subtree else []
    handlers = [handler for route in routes for handler in route.get("handle", [])]
    mappings = [m for h in handlers if h.get("handler") == "map" for m in h.get("mappings", [])]
    return [Entry(m["input"], *m["outputs"][0].split(" ")) for m in mappings]


def _map(entries: Iterable[Entry]) -> dict[str, Any]:
    """One output, so that a request searches the map once: `<where it leads> <tenant>`."""
    return {
        "handler": "map",
        "source": "{http.request.host}",
        "destinations": ["{wopr.route}"],
        "mappings": [
            {"input": e.hostname, "outputs": [f"{e.leads_to} {e.tenant}"]} for e in sorted(entries)
        ],
        "defaults": [""],
    }


def _matching(pattern: str) -> list[dict[str, Any]]:
    return [{"vars_regexp": {"{wopr.route}": {"name": "wopr", "pattern": pattern}}}]


# In the access log each request of a tenant names it.
_NAME_TENANT = {"handler": "log_append", "key": "tenant_id", "value": "{http.regexp.wopr.2}"}


def _bots() -> dict[str, Any]:
    return {
        "match": _matching(r"^(\S+:\d+) (\S+)$"),
        "handle": [
            _NAME_TENANT,
            {
                "handler": "headers",
                "response": {
                    "deferred": True,
                    "delete": ["Server", "Via"],
                    "set": {
                        "Strict-Transport-Security": [_YEAR],
                        "X-Content-Type-Options": ["nosniff"],
                    },
                },
            },
            {
                "handler": "encode",
                "encodings": {"gzip": {}, "zstd": {}},
                "prefer": ["zstd", "gzip"],
            },
            {
                "handler": "reverse_proxy",
                "stream_close_delay": STREAM_CLOSE_DELAY,
                "upstreams": [{"dial": "{http.regexp.wopr.1}"}],
            },
        ],
        "terminal": True,
    }


def _instead(page: str, status: int) -> dict[str, Any]:
    """What is served in the place of a bot that does not run."""
    return {
        "match": _matching(rf"^({page}) (\S+)$"),
        "handle": [_NAME_TENANT, _page(f"edge/{page}.html", status=status)],
        "terminal": True,
    }


def _capitals() -> dict[str, Any]:
    """Host names are the same in any case, to everybody but a map."""
    target = 'printf "https://%s%s" (.Req.Host | lower) .OriginalReq.URL.RequestURI'
    return {
        "match": [{"header_regexp": {"Host": {"pattern": "[A-Z]"}}}],
        "handle": [
            {"handler": "templates", "mime_types": ["text/plain"]},
            {
                "handler": "static_response",
                "status_code": 308,
                "headers": {"Content-Type": ["text/plain"]},
                "body": f'{{{{ .RespHeader.Set "Location" ({target}) }}}}',
            },
        ],
        "terminal": True,
    }


def _unknown() -> dict[str, Any]:
    """Names of the tenants' domain that lead nowhere; the platform's own may be among them."""
    return {
        "match": [
            {
                "host": [f"*.{settings.WOPR_TENANT_DOMAIN}"],
                "not": [{"host": sorted(settings.WOPR_PLATFORM_HOSTS)}],
            }
        ],
        "handle": [_page("edge/unknown.html", status=404)],
        "terminal": True,
    }


def _page(template: str, *, status: int) -> dict[str, Any]:
    return {
        "handler": "static_response",
        "status_code": status,
        "headers": _PAGE_HEADERS,
        "body": render_to_string(template),
    }
