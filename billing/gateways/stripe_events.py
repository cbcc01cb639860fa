"""Reading what happened at Stripe: the list of events, kept there for 30 days.

Source: docs.stripe.com/api/events/list.
"""

from datetime import datetime
from typing import Any

from billing.gateways.stripe import client, translated


def between(start: datetime, end: datetime | None) -> list[Any]:
    """The events created from `start` on and before `end`, oldest first."""
    created: Any = {"gte": int(start.timestamp())}
    if end is not None:
        created["lt"] = int(end.timestamp())
    with translated("Stripe could not list its events"):
        page = client().v1.events.list({"created": created, "limit": 100})
        return list(page.auto_paging_iter())[::-1]
