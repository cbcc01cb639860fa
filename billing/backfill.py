"""Worker room: puts into the inbox what Stripe's list of events has and no delivery brought.

Lost, refused while we were down, or never sent: whatever became of a delivery, its event is found
here within minutes. The list is read in windows from the cursor on, so that a long absence does
not fill the memory, and the cursor moves only past windows that are stored completely.
"""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from djstripe.models import Event, WebhookEventTrigger

from billing.gateways import stripe_events
from billing.models import EventCursor
from wopr.common.locks import session_lock

logger = logging.getLogger(__name__)
CURSOR = "stripe"
# As far back as Stripe keeps events.
LOOKS_BACK = timedelta(days=30)
# Events show up in the list out of order by moments; and clocks differ.
OVERLAP = timedelta(hours=1)
WINDOW = timedelta(days=1)
SOURCE = {"Source": "Stripe's list of events"}


def events_recover() -> list[int]:
    """Stores every event of which no delivery came; returns the new rows, oldest first.

    Raises ProviderError; what was stored until then is kept, and the next run goes on there.
    """
    recovered: list[int] = []
    with session_lock("billing:backfill"):
        for start, end in _windows(timezone.now()):
            events = stripe_events.between(start, end)
            recovered += _window_store(events, end)
    if recovered:
        logger.warning("%s events came without a delivery", len(recovered))
    return recovered


def _windows(now: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """From the cursor until now; the last one is open, since Stripe's clock is not ours."""
    cursor = EventCursor.objects.filter(name=CURSOR).first()
    start = max(cursor.read_until - OVERLAP, now - LOOKS_BACK) if cursor else now - LOOKS_BACK
    while start + WINDOW < now:
        yield start, start + WINDOW
        start += WINDOW
    yield start, None


def _window_store(events: list[Any], end: datetime | None) -> list[int]:
    known = _known_ids([event["id"] for event in events])
    missing = [event for event in events if event["id"] not in known]
    with transaction.atomic():
        rows = [_trigger_store(event) for event in missing]
        _cursor_move(_reached(events, end), len(rows))
    return [row.pk for row in rows]


def _known_ids(event_ids: list[str]) -> set[str]:
    """Those among the ids that are stored, or wait in the inbox to be processed."""
    stored = set(Event.objects.filter(id__in=event_ids).values_list("id", flat=True))
    waiting = WebhookEventTrigger.objects.filter(valid=True, processed=False).only("body")
    return stored | {row.json_body["id"] for row in waiting.iterator()}


def _trigger_store(event: Any) -> WebhookEventTrigger:
    """The same row that a delivery makes. It is valid: Stripe itself was asked."""
    body = json.dumps(json.loads(str(event)))
    return WebhookEventTrigger.objects.create(
        body=body, headers=SOURCE, remote_ip="127.0.0.1", valid=True
    )


def _reached(events: list[Any], end: datetime | None) -> datetime | None:
    """Up to where the list is stored now; never ahead of our own clock."""
    if end is not None:
        return end
    newest = max((event["created"] for event in events), default=None)
    return min(datetime.fromtimestamp(newest, UTC), timezone.now()) if newest else None


def _cursor_move(reached: datetime | None, recovered: int) -> None:
    now = timezone.now()
    cursor, _ = EventCursor.objects.get_or_create(
        name=CURSOR, defaults={"read_until": now - LOOKS_BACK, "ran_at": now}
    )
    cursor.read_until = max(cursor.read_until, reached or cursor.read_until)
    cursor.ran_at = now
    cursor.recovered += recovered
    cursor.save()
