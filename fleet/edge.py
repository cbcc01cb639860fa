"""Worker room: Caddy's table of tenant routes, made from the Route rows and pushed as a whole.

Whoever wants a route published commits the row and calls `publish`. Calls wait for one another, so
a burst of changes ends in few pushes: whoever comes second finds its row in the table already.
"""

from typing import Any

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


def mentions(hostname: str) -> bool:
    """Whether Caddy, re-read, has any route for this name."""
    present = caddy().read()
    routes = _entries(present) if present else []
    return any(hostname in match.get("host", []) for r in routes for match in r.get("match", []))


def table() -> dict[str, Any]:
    """The subtree as it should be."""
    routes = [
        _entry(route.hostname, route.upstream) for route in Route.objects.order_by("hostname")
    ]
    return {"@id": SUBTREE, "handle": [{"handler": "subroute", "routes": routes}]}


def _entries(subtree: dict[str, Any]) -> list[dict[str, Any]]:
    routes: list[dict[str, Any]] = subtree["handle"][0].get("routes") or []
    return routes


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
