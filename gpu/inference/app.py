"""The inference gateway: an OpenAI-compatible API at /v1, an ASGI application of its own process.

It needs the database and the nodes, and nothing else of the platform: bots keep their inference
while web, workers or the broker restart.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.utils import timezone
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gpu import books
from gpu.callers import Caller, caller_of, caller_remembered
from gpu.catalogue import MODELS
from gpu.gateways import upstream
from gpu.inference import relay
from gpu.inference.balancer import Balancer, Directory
from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)
ENDPOINTS = (
    "chat/completions",
    "completions",
    "embeddings",
    "audio/transcriptions",
    "audio/speech",
)
REFRESH_EVERY = 1.0  # seconds
RENEW_EVERY = books.LEASE.total_seconds() / 3
THREADS = 8


class Gateway:
    """The parts of one process."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="books")
        self.relay = relay.Relay(Balancer(self.directory.look_up), self.threads)

    async def caller(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        known = None
        if scheme.lower() == "bearer" and token:
            token = token.strip()
            known = caller_remembered(token)
            known = known or await self.relay.in_thread(partial(caller_of, token))
        if known is None:
            raise Refused("invalid_api_key", "The bearer token opens nothing here.", status=401)
        return known

    @asynccontextmanager
    async def living(self, _app: Starlette) -> AsyncIterator[None]:
        """Refreshes what is known of the nodes and renews the holds, for as long as it serves."""
        await self.relay.in_thread(self.directory.refresh)
        every = [
            asyncio.create_task(self._repeat(self.directory.refresh, REFRESH_EVERY)),
            asyncio.create_task(self._repeat(books.renew, RENEW_EVERY)),
        ]
        try:
            yield
        finally:
            for task in every:
                task.cancel()
            await relay.settled()
            await upstream.close()
            self.threads.shutdown()

    async def _repeat(self, work: Callable[[], object], seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.relay.in_thread(work)
            except DatabaseError:
                # What was known last goes on being used; broken connections are thrown away.
                logger.warning("the database did not answer", exc_info=True)
                await self.relay.in_thread(close_old_connections)


def application() -> Starlette:
    """The ASGI application, with its own threads and connections."""
    gateway = Gateway()

    async def models(request: Request) -> Response:
        await gateway.caller(request)
        return JSONResponse(
            {
                "object": "list",
                "data": [
                    {"id": m.name, "object": "model", "created": 0, "owned_by": "wopr"}
                    for m in MODELS
                ],
            }
        )

    async def endpoint(request: Request) -> Response:
        caller = await gateway.caller(request)
        body = await _body(request)
        name = request.url.path.removeprefix("/v1/")
        return await gateway.relay.carry(
            caller, name, body, request.headers.get("content-type", "")
        )

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/live", live),
            Route("/v1/models", _answered(models)),
            *(Route(f"/v1/{name}", _answered(endpoint), methods=["POST"]) for name in ENDPOINTS),
        ],
        lifespan=gateway.living,
        exception_handlers={404: _not_found},
    )


def _answered(
    view: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """The view, with its errors in the form that OpenAI's clients read."""

    async def answer(request: Request) -> Response:
        try:
            return await view(request)
        except Refused as refused:
            return _error(refused.status, refused.code, refused.message, refused.field)
        except ProviderError as error:
            logger.warning("%s", error)
            return _error(502, "upstream_failed", "The node's answer broke off; try again.")
        except DatabaseError:
            logger.exception("the books cannot be reached")
            return _error(503, "unavailable", "Try again in a moment.")

    return answer


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > settings.WOPR_INFERENCE_BODY:
            raise Refused(
                "too_large",
                f"The body has more than {settings.WOPR_INFERENCE_BODY} bytes.",
                status=413,
            )
    return bytes(body)


def _error(status: int, code: str, message: str, field: str = "") -> Response:
    kinds = {401: "authentication_error", 402: "insufficient_quota", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    patience = books.seconds_to_next_minute(timezone.now()) if status == 429 else 2
    headers = {"Retry-After": str(patience)} if status in {429, 503} else None
    body = {"error": {"message": message, "type": kind, "param": field or None, "code": code}}
    return JSONResponse(body, status, headers=headers)


async def _not_found(_request: Request, _error_: Exception) -> Response:
    return _error(404, "not_found", "There is nothing at this address; see /v1/models.")
