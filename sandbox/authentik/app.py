"""The Authentik sandbox as one ASGI application."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from sandbox.authentik import applications, directory, errors
from sandbox.authentik.call import Call, Handler, Table
from sandbox.authentik.errors import AuthentikError, detail
from sandbox.authentik.openid import OpenID
from sandbox.authentik.world import AuthentikWorld
from sandbox.controls import control_routes
from sandbox.faults import Fault, FaultBook
from sandbox.gate import Gate
from sandbox.templating import page
from sandbox.types import Json

API = "/api/v3"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
TABLE: Table = [*directory.TABLE, *applications.TABLE]


def authentik_app(
    world: AuthentikWorld, book: FaultBook, after_change: Callable[[], None]
) -> ASGIApp:
    """Return the application; `after_change` is called before a changing answer leaves."""

    async def index(_: Request) -> Response:
        people = [(user, world.groups_of(user)) for user in world.users.values()]
        shown = list(world.applications.values())
        return page("authentik/index.html", people=people, applications=shown)

    async def unknown(_: Request) -> Response:
        return _refused(errors.missing("route"))

    routes = [
        Route("/", index),
        *control_routes(world, book),
        *(
            Route(f"{API}{path}", _endpoint(world, handler), methods=[method])
            for method, path, handler in TABLE
        ),
        *OpenID(world).routes(),
        Route("/{rest:path}", unknown, methods=METHODS),
    ]
    return Gate(
        Starlette(routes=routes),
        book=book,
        fault_response=fault_response,
        after_change=after_change,
    )


def _endpoint(world: AuthentikWorld, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            _authenticate(world, request)
            call = Call(world, request.path_params, request.query_params, _document(raw))
            status, answer = handler(call)
        except AuthentikError as error:
            return _refused(error)
        if request.method != "GET":
            world.changed()
        if answer is None:
            return Response(status_code=status)
        return JSONResponse(answer, status_code=status)

    return endpoint


def _authenticate(world: AuthentikWorld, request: Request) -> None:
    authorization = request.headers.get("authorization")
    if authorization is None:
        raise detail(*errors.NO_TOKEN)
    if authorization != f"Bearer {world.config.token}":
        raise detail(*errors.BAD_TOKEN)


def _document(raw: bytes) -> Json:
    if not raw:
        return {}
    try:
        document: Any = json.loads(raw)
    except ValueError:
        raise detail(400, "JSON parse error", "parse_error") from None
    if not isinstance(document, dict):
        raise detail(400, "Invalid data. Expected a dictionary.", "invalid")
    return document


def _refused(error: AuthentikError) -> Response:
    return JSONResponse(error.body, status_code=error.status)


def fault_response(_: Scope, fault: Fault) -> Response:
    """Word an injected failure as Authentik would."""
    text = "Request was throttled." if fault.status == 429 else "Internal server error"
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return JSONResponse({"detail": text}, status_code=fault.status, headers=headers)
