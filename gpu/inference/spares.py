"""Holds made before they are asked for: who asks again at once does not wait for the books."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from django.db import DatabaseError

from gpu.books import Amount
from gpu.callers import Caller
from wopr.common.errors import Refused

AT_ONCE = 1.0  # seconds between two requests of one conversation, for which spares are kept
REQUEST_FIRST = 0.001  # seconds by which a request is ahead of the spares for the next ones
AHEAD = 3  # requests: the books are asked once for so many
LARGER = 2  # a conversation grows with each of its requests


@dataclass
class Batch:
    """Holds of that size, each for one request, that no request has yet."""

    holds: list[UUID]
    size: Amount
    tenant_id: UUID

    def has_for(self, most: Amount) -> bool:
        is_enough = most.tokens <= self.size.tokens and most.seconds <= self.size.seconds
        return is_enough and bool(self.holds)

    def take_all(self) -> list[UUID]:
        taken, self.holds = self.holds, []
        return taken


@dataclass
class Spares:
    """At most one batch for each instance. Lives in the event loop alone."""

    reserve: Callable[[Caller, Amount, int], Awaitable[list[UUID]]]
    give_back: Callable[[UUID], Awaitable[None]]
    _batches: dict[UUID, Batch] = field(default_factory=dict)
    _asked_at: dict[UUID, float] = field(default_factory=dict)
    _being_made: set[UUID] = field(default_factory=set)

    def take(self, caller: Caller, most: Amount) -> UUID | None:
        """One of the instance's spares, if there is one and it is large enough."""
        batch = self._batches.get(caller.instance_id)
        return batch.holds.pop() if batch and batch.has_for(most) else None

    def take_all(self, tenant_id: UUID) -> list[UUID]:
        """All spares of a tenant, for which something else has no room."""
        theirs = [batch for batch in self._batches.values() if batch.tenant_id == tenant_id]
        return [hold for batch in theirs for hold in batch.take_all()]

    def is_wanted(self, caller: Caller, most: Amount) -> bool:
        """Whether the instance, which asks now, does so again and again and has no such spare."""
        key, now = caller.instance_id, time.monotonic()
        before, self._asked_at[key] = self._asked_at.get(key), now
        is_talking = before is not None and now - before < AT_ONCE
        batch = self._batches.get(key)
        has_one = batch is not None and batch.has_for(most)
        return is_talking and not has_one and key not in self._being_made

    async def make(self, caller: Caller, most: Amount) -> None:
        """Some more, if there is room; what nobody takes is given back when the bot is silent."""
        key, size = caller.instance_id, Amount(most.tokens * LARGER, most.seconds * LARGER)
        self._being_made.add(key)
        try:
            await asyncio.sleep(REQUEST_FIRST)
            holds = await self.reserve(caller, size, AHEAD)
        except (Refused, DatabaseError):
            return  # the next request asks by itself, and is told why
        finally:
            self._being_made.discard(key)
        outgrown, batch = self._batches.get(key), Batch(holds, size, caller.tenant_id)
        self._batches[key] = batch
        if outgrown:
            await self._give_back(outgrown)
        await self._taken_or_silent(key, batch)
        if self._batches.get(key) is batch:
            del self._batches[key]
        await self._give_back(batch)

    async def _taken_or_silent(self, key: UUID, batch: Batch) -> None:
        while batch.holds and (left := self._asked_at[key] + AT_ONCE - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def _give_back(self, batch: Batch) -> None:
        await asyncio.gather(*map(self.give_back, batch.take_all()))
