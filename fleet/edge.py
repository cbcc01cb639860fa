"""Worker room: Caddy's table of tenant routes, made from the Route rows and pushed as a whole.

Whoever wants a route published commits the row and calls `publish`. Calls wait for one another, so
a burst of changes ends in few pushes: whoever comes second finds its row in the table already.
"""

from typing import Any

from django.template.loader import render_to_string

from fleet.gateways.caddy import SUBTREE, caddy
from fleet.models import Route
from wopr.common.locks import session_lock

# Without it every change of any tenant's route would cut all open WebSockets.
STREAM_CLOSE_DELAY = "8h"


def publish() -> bool:
    """Makes Caddy's table equal to the rows. Tells whether anything had to be pushed."""
    with session_lock("edge:publish"):
        wanted = table()
        if caddy().read() == wanted:
            return False
        caddy().write(wanted)
        return True


def is_published(hostname: str, upstream: str) -> bool:
    """Whether Caddy, re-read, sends this name to this upstream."""
    present = caddy().read()
    return present is not None and _entry(hostname, upstream) in _entries(present)


def tells_suspended(hostname: str) -> bool:
    """Whether Caddy, re-read, answers this name with the suspended page and with nothing else."""
    present = caddy().read()
    naming = [r for r in _entries(present) if _names(r, hostname)] if present else []
    return [r["handle"][0]["handler"] for r in naming] == ["static_response"]


def mentions(hostname: str) -> bool:
    """Whether Caddy, re-read, has any route for this name."""
    present = caddy().read()
    return any(_names(r, hostname) for r in _entries(present)) if present else False


def table() -> dict[str, Any]:
    """The subtree as it should be."""
    rows = list(Route.objects.order_by("hostname"))
    routes = [_entry(r.hostname, r.upstream) for r in rows if r.serves == Route.Serves.BOT]
    suspended = [r.hostname for r in rows if r.serves == Route.Serves.SUSPENDED_PAGE]
    if suspended:
        routes.append(_suspended_entry(suspended))
    return {"@id": SUBTREE, "handle": [{"handler": "subroute", "routes": routes}]}


def _entries(subtree: dict[str, Any]) -> list[dict[str, Any]]:
    routes: list[dict[str, Any]] = subtree["handle"][0].get("routes") or []
    return routes


def _names(entry: dict[str, Any], hostname: str) -> bool:
    return any(hostname in match.get("host", []) for match in entry.get("match", []))


def _suspended_entry(hostnames: list[str]) -> dict[str, Any]:
    """All suspended names share one route: the page is in the table once."""
    return {
        "match": [{"host": hostnames}],
        "handle": [
            {
                "handler": "static_response",
                "status_code": 402,
                "headers": {
                    "Content-Type": ["text/html; charset=utf-8"],
                    "Cache-Control": ["no-store"],
                },
                "body": render_to_string("edge/suspended.html"),
            }
        ],
        "terminal": True,
    }


def _entry(hostname: str, upstream: str) -> dict[str, Any]:
    return {
        "match": [{"host": [hostname]}],
        "handle": [
            {
                "handler": "reverse_proxy",
                "stream_close_delay": STREAM_CLOSE_DELAY,
                "upstreams": [{"dial": upstream}],
            }
        ],
        "terminal": True,
    }
