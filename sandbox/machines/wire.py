"""How a provider is spoken to: calls, tokens, rate limits, and the sandbox's own controls."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from sandbox.controls import control_routes
from sandbox.faults import Fault, FaultBook
from sandbox.gate import Gate
from sandbox.machines.world import MachineWorld
from sandbox.templating import page
from sandbox.types import Json


class Refusal(Exception):
    """An answer that is no success, in the vendor's words."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


@dataclass(frozen=True)
class Call:
    """One API call, read completely."""

    world: MachineWorld
    parts: dict[str, str]
    query: QueryParams
    body: Json
    base: str


Answer = tuple[int, Json | None]
Handler = Callable[[Call], Answer]
Table = Sequence[tuple[str, str, Handler]]


class Words(Protocol):
    """How a vendor says the things that every vendor says."""

    def unauthorized(self) -> Refusal: ...

    def read_only(self) -> Refusal: ...

    def too_many(self) -> Refusal: ...

    def malformed(self) -> Refusal: ...

    def not_found(self) -> Refusal: ...

    def failure(self, status: int) -> Refusal: ...


def machine_app(
    vendor: str,
    world: MachineWorld,
    words: Words,
    table: Table,
    *,
    book: FaultBook,
    after_change: Callable[[], None],
) -> ASGIApp:
    """Return the vendor's application."""

    async def index(_: Request) -> Response:
        world.settle()
        machines = list(world.machines.values())
        return page("machines/index.html", vendor=vendor, machines=machines)

    async def unknown(_: Request) -> Response:
        return _refused(world, words.not_found())

    def fault_response(_: Scope, fault: Fault) -> Response:
        said = words.too_many() if fault.status == 429 else words.failure(fault.status)
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return JSONResponse(said.body, status_code=fault.status, headers=headers)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    routes = [
        Route("/", index),
        *_steering(world),
        *control_routes(world, book),
        *(
            Route(path, _endpoint(world, words, handler), methods=[method])
            for method, path, handler in table
        ),
        Route("/{rest:path}", unknown, methods=methods),
    ]
    app = Starlette(routes=routes)
    return Gate(app, book=book, fault_response=fault_response, after_change=after_change)


def _steering(world: MachineWorld) -> list[Route]:
    async def settings(request: Request) -> Response:
        try:
            world.conduct.change(await request.json())
        except ValueError as refused:
            return JSONResponse({"error": str(refused)}, status_code=400)
        world.revision += 1
        return JSONResponse(world.conduct.described())

    async def clock(request: Request) -> Response:
        world.clock.offset += float((await request.json())["advance_seconds"])
        world.settle()
        return JSONResponse({"now": world.now()})

    async def machines(_: Request) -> Response:
        world.settle()
        return JSONResponse({"machines": list(world.machines.values())})

    return [
        Route("/_sandbox/settings", settings, methods=["POST"]),
        Route("/_sandbox/clock", clock, methods=["POST"]),
        Route("/_sandbox/machines", machines, methods=["GET"]),
    ]


def _endpoint(
    world: MachineWorld, words: Words, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            if request.headers.get("authorization") != f"Bearer {world.config.token}":
                raise words.unauthorized()
            if world.conduct.read_only and request.method != "GET":
                raise words.read_only()
            if not world.bucket.take():
                raise words.too_many()
            world.settle()
            base = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
            body = _document(raw, words)
            status, answer = handler(
                Call(world, request.path_params, request.query_params, body, base)
            )
        except Refusal as refusal:
            return _refused(world, refusal)
        headers = world.bucket.headers()
        if answer is None:
            return Response(status_code=status, headers=headers)
        return JSONResponse(answer, status_code=status, headers=headers)

    return endpoint


def _refused(world: MachineWorld, refusal: Refusal) -> Response:
    return JSONResponse(refusal.body, status_code=refusal.status, headers=world.bucket.headers())


def _document(raw: bytes, words: Words) -> Json:
    if not raw:
        return {}
    try:
        document: Any = json.loads(raw)
    except ValueError:
        raise words.malformed() from None
    if not isinstance(document, dict):
        raise words.malformed()
    return document


def whole(text: str | None, default: int) -> int:
    """Return a positive number of the query, or the default for what is none."""
    return int(text) if text and text.isdigit() and int(text) > 0 else default
