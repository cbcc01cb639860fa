"""The Stripe sandbox as one ASGI application with its background work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from sandbox.controls import control_routes
from sandbox.faults import Fault, FaultBook
from sandbox.gate import Gate
from sandbox.stripe.controls import stripe_control_routes
from sandbox.stripe.courier import Courier
from sandbox.stripe.dispatch import ApiRequest, dispatch, remember_failure
from sandbox.stripe.flows.timeline import advance
from sandbox.stripe.pages import Pages
from sandbox.stripe.papers import Papers
from sandbox.stripe.world import World
from sandbox.types import Json

SERVER_ERROR = 500
TICK_SECONDS = 1.0
API_METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]


def stripe_app(world: World, book: FaultBook, after_change: Callable[[], None]) -> ASGIApp:
    """Return the application; `after_change` is called before a changing answer leaves."""

    async def api(request: Request) -> Response:
        body = (await request.body()).decode()
        encoded = request.url.query if request.method in ("GET", "DELETE") else body
        answer = dispatch(
            world,
            ApiRequest(request.method, request.url.path, request.headers, encoded),
        )
        return JSONResponse(answer.body, status_code=answer.status, headers=answer.headers)

    routes = [
        *stripe_control_routes(world),
        *control_routes(world, book),
        *Pages(world).routes(),
        *Papers(world).routes(),
        Route("/v1/{rest:path}", api, methods=API_METHODS),
    ]
    return Gate(
        Starlette(routes=routes),
        book=book,
        fault_response=partial(fault_response, world),
        after_change=after_change,
    )


def fault_response(world: World, scope: Scope, fault: Fault) -> Response:
    """Word an injected failure as Stripe would; a 500 stays the answer to its idempotency key."""
    body, key = fault_body(fault.status), Headers(scope=scope).get("idempotency-key")
    if fault.status == SERVER_ERROR and key:
        remember_failure(world, key, fault.status, body)
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return JSONResponse(body, status_code=fault.status, headers=headers)


def fault_body(status: int) -> Json:
    """Return Stripe's error document for a status that nobody's request caused."""
    if status == 429:
        message = "Request rate limit exceeded."
        return {
            "error": {
                "type": "invalid_request_error",
                "code": "rate_limit",
                "message": message,
            }
        }
    return {"error": {"type": "api_error", "message": "An unknown error occurred"}}


def background(world: World) -> list[Coroutine[Any, Any, None]]:
    """Return the work that goes on beside the requests: deliveries and the passing of time."""

    async def tick() -> None:
        while True:
            advance(world, world.now())
            await asyncio.sleep(TICK_SECONDS)

    return [Courier(world).run(), tick()]
