"""Worker room: Caddy's table of tenant routes, made from the Route rows and pushed as a whole.

Whoever wants a route published commits the row and calls `publish`. Calls wait for one another, so
a burst of changes ends in few pushes: whoever comes second finds its row in the table already.
"""

from typing import Any

from fleet.gateways.caddy import caddy
from fleet.gateways.caddy_table import Entry, entries_of, subtree_of
from fleet.models import Route
from wopr.common.locks import session_lock


def publish() -> bool:
    """Makes Caddy's table equal to the rows. Tells whether anything had to be pushed."""
    with session_lock("edge:publish"):
        wanted = table()
        if caddy().read() == wanted:
            return False
        caddy().write(wanted)
        return True


def is_published(hostname: str, upstream: str) -> bool:
    """Whether Caddy, re-read, sends this name to this upstream and nowhere else."""
    return _leads(hostname) == [upstream]


def tells(hostname: str, page: str) -> bool:
    """Whether Caddy, re-read, answers this name with that page and with nothing else."""
    return _leads(hostname) == [page]


def mentions(hostname: str) -> bool:
    """Whether Caddy, re-read, has any route for this name."""
    return bool(_leads(hostname))


def table() -> dict[str, Any]:
    """The subtree as it should be."""
    rows = list(Route.objects.select_related("instance"))
    own = {row.instance_id: row for row in rows if row.upstream}
    # A row without an address is another name of the bot: it leads where the bot's own name does.
    return subtree_of(
        _entry(row, row if row.upstream else own[row.instance_id])
        for row in rows
        if row.upstream or row.instance_id in own
    )


def _entry(row: Route, leader: Route) -> Entry:
    is_bot = leader.serves == Route.Serves.BOT
    leads_to = leader.upstream if is_bot else leader.serves
    return Entry(row.hostname, leads_to, str(row.instance.tenant_id))


def _leads(hostname: str) -> list[str]:
    return [e.leads_to for e in entries_of(caddy().read()) if e.hostname == hostname]
