"""Operations as server-sent events: each event is the whole operation, its id the revision.

A client that comes back with Last-Event-ID gets the next newer revision and misses nothing that
matters, since a later snapshot contains all earlier ones.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer

from fleet.api.serializers import OperationSerializer
from fleet.models import Operation

LOOK_EVERY = 0.3  # seconds; one indexed query of one number
HEARTBEAT_EVERY = 15.0  # seconds; proxies cut what is silent
LONGEST = 600.0  # seconds; the client reconnects by itself


def event_stream(events: AsyncIterator[bytes]) -> StreamingHttpResponse:
    """The answer that carries server-sent events, kept by no proxy on the way."""
    response = StreamingHttpResponse(events, content_type="text/event-stream")
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def operation_events(operation_id: UUID, *, after: int) -> AsyncIterator[bytes]:
    """Snapshots newer than revision `after`, until the operation has ended."""
    spoke, end = time.monotonic(), time.monotonic() + LONGEST
    yield b"retry: 1000\n\n"
    while time.monotonic() < end:
        revision, state = await _look(operation_id)
        if revision > after:
            yield _event("operation", await _snapshot(operation_id), event_id=revision)
            after, spoke = revision, time.monotonic()
        if state not in Operation.LIVE:
            yield _event("end", "{}")
            return
        if time.monotonic() - spoke > HEARTBEAT_EVERY:
            yield b": still here\n\n"
            spoke = time.monotonic()
        await asyncio.sleep(LOOK_EVERY)


async def _look(operation_id: UUID) -> tuple[int, str]:
    row = await Operation.objects.values_list("revision", "state").aget(pk=operation_id)
    return row[0], row[1]


@sync_to_async
def _snapshot(operation_id: UUID) -> str:
    operation = Operation.objects.prefetch_related("steps__operation").get(pk=operation_id)
    return JSONRenderer().render(OperationSerializer(operation).data).decode()


def _event(name: str, data: str, *, event_id: int | None = None) -> bytes:
    identity = f"id: {event_id}\n" if event_id is not None else ""
    return f"{identity}event: {name}\ndata: {data}\n\n".encode()
