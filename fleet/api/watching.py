"""A bot's log as server-sent events: each line an event, its id the same wherever it is read.

The web process reads what a follower on the workers' side lays into Redis; it has no engine.
"""

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from uuid import UUID

from fleet.gateways import lines as board
from wopr.common.errors import ProviderError

WAIT = 1.0  # seconds to wait for the first of further lines
AT_ONCE = 200  # lines read at a time
STAY_EVERY = 5.0  # seconds between two words that somebody still watches
HEARTBEAT_EVERY = 15.0  # seconds; proxies cut what is silent
LONGEST = 600.0  # seconds; the client reconnects by itself
UNAVAILABLE = "The log cannot be shown now. The bot itself is not affected; try again in a minute."


async def log_events(
    instance_id: UUID, tenant_id: UUID, seat: str, *, after: str
) -> AsyncGenerator[bytes, None]:
    """Lines newer than `after`, and each change of how the log stands, until the client goes."""
    yield b"retry: 1000\n\n"
    try:
        async with (
            board.watching(instance_id, tenant_id, seat) as watcher,
            aclosing(_events(watcher, after)) as events,
        ):
            async for event in events:
                yield event
    except ProviderError:
        trouble = json.dumps({"code": "logs_unavailable", "message": UNAVAILABLE})
        yield f"event: trouble\ndata: {trouble}\n\n".encode()


async def _events(watcher: board.Watcher, after: str) -> AsyncGenerator[bytes, None]:
    end = time.monotonic() + LONGEST
    stayed = spoke = float("-inf")
    known: str | None = None
    while (now := time.monotonic()) < end:
        if now - stayed > STAY_EVERY:
            await watcher.stay()
            stayed = now
        state = await watcher.state()
        if state != known:
            yield f"event: state\ndata: {json.dumps({'state': state or 'waiting'})}\n\n".encode()
            known, spoke = state, now
        if found := await watcher.after(after, count=AT_ONCE, wait=WAIT):
            yield b"".join(_event(line) for line in found)
            after, spoke = found[-1].id, now
        elif now - spoke > HEARTBEAT_EVERY:
            yield b": still here\n\n"
            spoke = now


def _event(line: board.Line) -> bytes:
    return f"id: {line.id}\nevent: line\ndata: {json.dumps(asdict(line))}\n\n".encode()
