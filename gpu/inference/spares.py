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

AT_ONCE = 1.0  # seconds between two requests of one conversation, for which a spare is kept
REQUEST_FIRST = 0.001  # seconds by which a request is ahead of the spare for the next one
LARGER = 2  # a conversation grows with each of its requests


@dataclass(frozen=True)
class Spare:
    """A hold of that size that no request has yet."""

    hold: UUID
    size: Amount
    tenant_id: UUID

    def covers(self, most: Amount) -> bool:
        return most.tokens <= self.size.tokens and most.seconds <= self.size.seconds


@dataclass
class Spares:
    """At most one for each instance. Lives in the event loop alone."""

    reserve: Callable[[Caller, Amount], Awaitable[UUID]]
    give_back: Callable[[UUID], Awaitable[None]]
    _spare: dict[UUID, Spare] = field(default_factory=dict)
    _asked_at: dict[UUID, float] = field(default_factory=dict)
    _being_made: set[UUID] = field(default_factory=set)

    def take(self, caller: Caller, most: Amount) -> UUID | None:
        """The instance's spare, if it is large enough."""
        spare = self._spare.get(caller.instance_id)
        if spare is None or not spare.covers(most):
            return None
        return self._spare.pop(caller.instance_id).hold

    def take_all(self, tenant_id: UUID) -> list[UUID]:
        """All spares of a tenant, for which something else has no room."""
        theirs = [key for key, spare in self._spare.items() if spare.tenant_id == tenant_id]
        return [self._spare.pop(key).hold for key in theirs]

    def is_wanted(self, caller: Caller) -> bool:
        """Whether the instance, which asks now, does so again and again and has no spare."""
        key, now = caller.instance_id, time.monotonic()
        before, self._asked_at[key] = self._asked_at.get(key), now
        is_talking = before is not None and now - before < AT_ONCE
        return is_talking and key not in self._spare and key not in self._being_made

    async def make(self, caller: Caller, most: Amount) -> None:
        """One more, if there is room for it; given back when nobody has taken it in a while."""
        key, size = caller.instance_id, Amount(most.tokens * LARGER, most.seconds * LARGER)
        self._being_made.add(key)
        try:
            await asyncio.sleep(REQUEST_FIRST)
            spare = Spare(await self.reserve(caller, size), size, caller.tenant_id)
        except (Refused, DatabaseError):
            return  # the next request asks by itself, and is told why
        finally:
            self._being_made.discard(key)
        self._spare[key] = spare
        await asyncio.sleep(AT_ONCE)
        if self._spare.get(key) is spare:
            del self._spare[key]
            await self.give_back(spare.hold)
