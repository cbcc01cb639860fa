"""The ASGI layer in front of every vendor: it logs requests and lets faults strike."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.faults import Fault, FaultBook, LoggedRequest

ABORT = "sandbox.abort"
CONTROL_PREFIX = "/_sandbox"

FaultResponse = Callable[[Scope, Fault], Response]
"""How a vendor words the answer to a request that met a `status` fault."""


class AbortableProtocol(H11Protocol):
    """HTTP/1.1 whose connection the application may cut without an answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = functools.partial(self._with_abort, self.app)

    async def _with_abort(self, app: Any, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope.setdefault("extensions", {})[ABORT] = self.transport.abort
        await app(scope, receive, send)


class Gate:
    """Wrap a vendor's application; its own control paths pass untouched."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        book: FaultBook,
        fault_response: FaultResponse,
        after_change: Callable[[], None],
    ) -> None:
        self.app = app
        self.book = book
        self.fault_response = fault_response
        self.after_change = after_change

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or fail to, as the faults ask."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(CONTROL_PREFIX):
            await self._answer(scope, receive, send)
            return
        entry = _logged(self.book, scope)
        fault = self.book.strike(scope["method"], scope["path"])
        if fault is None:
            await self._answer(scope, receive, _noting_status(send, entry))
            return
        entry.fault = fault.kind
        await self._fail(fault, scope, receive, _noting_status(send, entry))

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds or 0)
            await self._answer(scope, receive, send)
            return
        if fault.kind == "timeout_after" or fault.when == "after":
            await self._answer(scope, receive, _discard)
        if fault.kind == "timeout_after":
            await _silence(receive, fault.seconds)
            await _cut(scope, receive)
        elif fault.kind == "drop":
            await _cut(scope, receive)
        else:
            await self.fault_response(scope, fault)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; what it changed is kept before its answer leaves."""
        changing = scope["method"] not in ("GET", "HEAD")

        async def keep_then_send(message: Message) -> None:
            if changing and message["type"] == "http.response.start":
                self.after_change()
            await send(message)

        await self.app(scope, receive, keep_then_send)


def _logged(book: FaultBook, scope: Scope) -> LoggedRequest:
    headers = Headers(scope=scope)
    return book.log(
        scope["method"],
        scope["path"],
        query=scope["query_string"].decode("latin-1"),
        idempotency_key=headers.get("idempotency-key"),
        correlation_id=headers.get("x-correlation-id"),
    )


def _noting_status(send: Send, entry: LoggedRequest) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            entry.status = message["status"]
        await send(message)

    return noting


async def _discard(message: Message) -> None:
    """Swallow an answer that the client is never to see."""


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _silence(receive: Receive, seconds: float | None) -> None:
    """Say nothing until the client gives up, or for so many seconds."""
    try:
        await asyncio.wait_for(_gone(receive), seconds)
    except TimeoutError:
        return


async def _cut(scope: Scope, receive: Receive) -> None:
    scope["extensions"][ABORT]()
    await _gone(receive)
