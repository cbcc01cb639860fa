"""One request from its caller to a node and back: held, passed on as it comes, settled."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from starlette.responses import Response, StreamingResponse

from gpu import books
from gpu.books import Amount
from gpu.callers import Caller
from gpu.gateways.upstream import Answer, pieces_of
from gpu.inference import asks, counting, recordings
from gpu.inference.asks import Ask
from gpu.inference.balancer import Balancer
from gpu.inference.spares import Spares
from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)
LONGEST_ANSWER = 64 * 1024 * 1024  # bytes of an answer that is not a stream
SETTLE_TRIES = 5
SETTLE_EVERY = 0.25  # seconds; many cost hardly more than one
BROKE_OFF = b'data: {"error": {"message": "the answer broke off", "type": "server_error"}}\n\n'
ResultT = TypeVar("ResultT")


@dataclass
class Relay:
    """Carries requests; the database is asked in threads of its own, never in the event loop."""

    balancer: Balancer
    threads: ThreadPoolExecutor
    due: dict[UUID, Amount | None] = field(default_factory=dict)
    _settling: "asyncio.Task[None] | None" = None
    _batches: "set[asyncio.Task[None]]" = field(default_factory=set)
    spares: Spares = field(init=False)
    _wanted_now: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.spares = Spares(self._reserve, lambda hold: self.end(hold, None))

    async def carry(
        self, caller: Caller, endpoint: str, body: bytes, content_type: str
    ) -> Response:
        """Raises Refused for what cannot be done; nothing is held then."""
        ask = asks.read(endpoint, body, content_type)
        hold = await self._hold(caller, ask.most)
        return await _Carriage(self, ask, hold).response(f"/v1/{endpoint}")

    async def _hold(self, caller: Caller, most: Amount) -> UUID:
        hold = self.spares.take(caller, most) or await self._hold_now(caller, most)
        if self.spares.is_wanted(caller, most):
            _keep(asyncio.create_task(self.spares.make(caller, most)))
        return hold

    async def _hold_now(self, caller: Caller, most: Amount) -> UUID:
        """What has ended and is not booked yet, and spares, make room before a no."""
        try:
            return (await self._reserve(caller, most))[0]
        except Refused:
            spares = self.spares.take_all(caller.tenant_id)
            if not spares and not self._batches:
                raise
        ends = [_keep(asyncio.create_task(self.end(spare, None))) for spare in spares]
        under_way = {*ends, *self._batches}
        await asyncio.sleep(0)  # now the spares are among what is due
        self._wanted_now.set()
        await asyncio.wait(under_way)
        return (await self._reserve(caller, most))[0]

    async def _reserve(self, caller: Caller, most: Amount, requests: int = 1) -> list[UUID]:
        return await self.in_thread(lambda: books.reserve(caller, most, requests=requests))

    async def end(self, hold: UUID, used: Amount | None) -> None:
        """Books it, also when the database is away for a while; None if it was for nothing."""
        for attempt in range(SETTLE_TRIES):
            try:
                await self.settle(hold, used)
            except Exception:  # the database is away: the hold stays, renewed, until it is back
                logger.exception("hold %s is not settled yet, try %s", hold, attempt + 1)
                await asyncio.sleep(2**attempt)
            else:
                return
        logger.error("hold %s was never settled: %s was used and is not billed", hold, used)

    async def settle(self, hold: UUID, used: Amount | None) -> None:
        """Books it with all others that end in this moment. Raises what the books raise."""
        self.due[hold] = used
        if self._settling is None:
            self._settling = _keep(asyncio.create_task(self._settle_due()))
            self._batches.add(self._settling)
            self._settling.add_done_callback(self._batches.discard)
        await asyncio.shield(self._settling)

    async def _settle_due(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wanted_now.wait(), SETTLE_EVERY)
        self._wanted_now.clear()
        due, self.due, self._settling = self.due, {}, None
        await self.in_thread(lambda: books.settle(due))

    async def in_thread(self, work: Callable[[], ResultT]) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)


class _Carriage:
    """One request under way: what it holds is settled exactly once, however it ends."""

    def __init__(self, relay: Relay, ask: Ask, hold: UUID) -> None:
        self._relay, self._ask, self._hold = relay, ask, hold
        self._open = AsyncExitStack()

    async def response(self, path: str) -> Response:
        try:
            upstream = await self._open.enter_async_context(
                self._relay.balancer.answer(
                    self._ask.model.kind,
                    path,
                    content=self._ask.content,
                    content_type=self._ask.content_type,
                )
            )
            kind = upstream.headers.get("content-type", "application/json")
            if self._ask.streams and upstream.is_success:
                return StreamingResponse(self._stream(upstream), media_type=kind)
            return await self._whole(upstream, kind)
        except BaseException:
            await self._end(Amount())
            raise

    async def _whole(self, upstream: Answer, kind: str) -> Response:
        body = bytearray()
        async for piece in pieces_of(upstream):
            body += piece
            if len(body) > LONGEST_ANSWER:
                raise ProviderError("the answer is too long")
        used = counting.used_by(self._ask, bytes(body), kind) if upstream.is_success else Amount()
        shown, kind = recordings.as_wanted(self._ask.wanted_format, bytes(body), kind)
        response = Response(shown, upstream.status_code, media_type=kind)
        # The caller has its answer while the books are being written.
        _keep(asyncio.create_task(self._end(used)))
        return response

    async def _stream(self, upstream: Answer) -> AsyncIterator[bytes]:
        count = counting.StreamCount(self._ask)
        try:
            async for piece in pieces_of(upstream):
                if passed := b"".join(count.lines(piece)):
                    yield passed
            if rest := count.end():
                yield rest
        except ProviderError as error:
            logger.warning("hold %s: %s", self._hold, error)
            yield BROKE_OFF
        finally:
            # A caller that hangs up cancels this generator; what it used is booked all the same,
            # and nobody waits for the books.
            _keep(asyncio.create_task(self._end(count.used)))

    async def _end(self, used: Amount) -> None:
        await self._open.aclose()
        await self._relay.end(self._hold, used)


_kept: set[asyncio.Task[None]] = set()


def _keep(task: "asyncio.Task[None]") -> "asyncio.Task[None]":
    """The event loop itself keeps only a weak reference to a task."""
    _kept.add(task)
    task.add_done_callback(_kept.discard)
    return task


async def settled() -> None:
    """Waits for what is still being booked, before the process ends."""
    while _kept:
        await asyncio.wait(set(_kept))
