"""The Cloudflare sandbox as one ASGI application."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from sandbox.cloudflare import errors, queries, records
from sandbox.cloudflare.errors import CloudflareError, envelope
from sandbox.cloudflare.world import CloudflareWorld, identifier
from sandbox.controls import control_routes
from sandbox.faults import Fault, FaultBook
from sandbox.gate import Gate
from sandbox.templating import page
from sandbox.types import Json

API = "/client/v4"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Call:
    """One API call, read completely."""

    world: CloudflareWorld
    path: str
    parts: dict[str, str]
    query: dict[str, str]
    body: Json

    @property
    def zone(self) -> Json:
        """Return the zone that the path names."""
        return self.world.zone(self.parts["zone_id"], self.path.removeprefix(API))


Handler = Callable[[Call], Json]


def token_verify(_: Call) -> Json:
    """GET /user/tokens/verify."""
    body = envelope({"id": identifier("token"), "status": "active"})
    message = "This API Token is valid and active"
    return {**body, "messages": [{"code": 10000, "message": message, "type": None}]}


def zones_list(call: Call) -> Json:
    """GET /zones."""
    named, status = call.query.get("name"), call.query.get("status")
    found = [
        zone
        for zone in call.world.zones.values()
        if named in (None, zone["name"]) and status in (None, zone["status"])
    ]
    return queries.page(found, call.query, default=20, most=50)


def zone_get(call: Call) -> Json:
    """GET /zones/{zone_id}."""
    return envelope(call.zone)


def records_list(call: Call) -> Json:
    """GET /zones/{zone_id}/dns_records."""
    rows = call.world.records[call.zone["id"]].values()
    return queries.page(queries.matching(rows, call.query), call.query, default=100, most=5_000_000)


def record_create(call: Call) -> Json:
    """POST /zones/{zone_id}/dns_records."""
    zone = call.zone
    return envelope(call.world.keep(zone["id"], records.record_new(zone["name"], call.body)))


def record_get(call: Call) -> Json:
    """GET /zones/{zone_id}/dns_records/{record_id}."""
    return envelope(call.world.record(call.zone["id"], call.parts["record_id"]))


def record_overwrite(call: Call) -> Json:
    """PUT /zones/{zone_id}/dns_records/{record_id}."""
    zone, record = call.zone, record_get(call)["result"]
    changed = records.record_overwritten(zone["name"], record, call.body)
    return envelope(call.world.keep(zone["id"], changed))


def record_edit(call: Call) -> Json:
    """PATCH /zones/{zone_id}/dns_records/{record_id}."""
    zone, record = call.zone, record_get(call)["result"]
    changed = records.record_changed(zone["name"], record, call.body)
    return envelope(call.world.keep(zone["id"], changed))


def record_delete(call: Call) -> Json:
    """DELETE /zones/{zone_id}/dns_records/{record_id}."""
    return envelope(call.world.remove(call.zone["id"], call.parts["record_id"]))


HANDLERS: list[tuple[str, str, Handler]] = [
    ("GET", "/user/tokens/verify", token_verify),
    ("GET", "/zones", zones_list),
    ("GET", "/zones/{zone_id}", zone_get),
    ("GET", "/zones/{zone_id}/dns_records", records_list),
    ("POST", "/zones/{zone_id}/dns_records", record_create),
    ("GET", "/zones/{zone_id}/dns_records/{record_id}", record_get),
    ("PUT", "/zones/{zone_id}/dns_records/{record_id}", record_overwrite),
    ("PATCH", "/zones/{zone_id}/dns_records/{record_id}", record_edit),
    ("DELETE", "/zones/{zone_id}/dns_records/{record_id}", record_delete),
]


def _authenticate(world: CloudflareWorld, request: Request) -> None:
    authorization = request.headers.get("authorization")
    if authorization is None:
        raise CloudflareError(*errors.NO_CREDENTIALS)
    if authorization == f"Bearer {world.config.token}":
        return
    if "tokens/verify" in request.url.path:
        raise CloudflareError(*errors.INVALID_TOKEN)
    if "dns_records" in request.url.path:
        raise CloudflareError(*errors.NO_ACCESS_TO_RECORDS)
    raise CloudflareError(*errors.NO_ACCESS_TO_ZONES)


def _endpoint(world: CloudflareWorld, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            _authenticate(world, request)
            call = Call(
                world,
                request.url.path,
                request.path_params,
                dict(request.query_params),
                _document(raw) if request.method in ("POST", "PUT", "PATCH") else {},
            )
            return JSONResponse(handler(call))
        except CloudflareError as error:
            return JSONResponse(error.body(), status_code=error.status)

    return endpoint


def _document(raw: bytes) -> Json:
    try:
        document: Any = json.loads(raw)
    except ValueError:
        raise CloudflareError(400, 6007, "Malformed JSON in request body") from None
    if not isinstance(document, dict):
        raise CloudflareError(400, 6007, "Malformed JSON in request body")
    return document


def cloudflare_app(
    world: CloudflareWorld, book: FaultBook, after_change: Callable[[], None]
) -> ASGIApp:
    """Return the application; `after_change` is called before a changing answer leaves."""

    async def index(_: Request) -> Response:
        zones = [(zone, list(world.records[key].values())) for key, zone in world.zones.items()]
        return page("cloudflare/index.html", zones=zones)

    async def settings(request: Request) -> Response:
        world.tags_allowed = int((await request.json())["tags_allowed"])
        return JSONResponse({"tags_allowed": world.tags_allowed})

    async def unknown(request: Request) -> Response:
        error = errors.no_route(request.url.path.removeprefix(API))
        return JSONResponse(error.body(), status_code=error.status)

    routes = [
        Route("/", index),
        Route("/_sandbox/settings", settings, methods=["POST"]),
        *control_routes(world, book),
        *(
            Route(f"{API}{path}", _endpoint(world, handler), methods=[method])
            for method, path, handler in HANDLERS
        ),
        Route("/{rest:path}", unknown, methods=METHODS),
    ]
    return Gate(
        Starlette(routes=routes),
        book=book,
        fault_response=fault_response,
        after_change=after_change,
    )


def fault_response(_: Scope, fault: Fault) -> Response:
    """Word an injected failure as Cloudflare would."""
    code, message = 10001, "Service temporarily unavailable."
    if fault.status == 429:
        code, message = 971, "Please wait and consider throttling your request speed."
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    body = CloudflareError(fault.status, code, message).body()
    return JSONResponse(body, status_code=fault.status, headers=headers)
