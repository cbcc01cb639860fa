"""The control paths that every vendor has under ``/_sandbox``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import FaultBook, FaultRefused
from sandbox.types import Persistent


def control_routes(vendor: Persistent, book: FaultBook) -> list[Route]:
    """Return the routes for faults, the request log and the reset."""

    async def faults_add(request: Request) -> Response:
        try:
            fault = book.add(await request.json())
        except (FaultRefused, TypeError) as refused:
            return JSONResponse({"error": str(refused)}, status_code=400)
        return JSONResponse({"id": fault.id}, status_code=201)

    async def faults_list(_: Request) -> Response:
        return JSONResponse({"faults": book.described()})

    async def faults_clear(_: Request) -> Response:
        book.clear()
        return JSONResponse({"faults": []})

    async def requests_list(request: Request) -> Response:
        query = request.query_params
        found = book.requests_described(query.get("path", "*"), query.get("method", "*"))
        return JSONResponse({"requests": found})

    async def requests_clear(_: Request) -> Response:
        book.requests.clear()
        return JSONResponse({"requests": []})

    async def reset(_: Request) -> Response:
        book.reset()
        vendor.reset()
        return JSONResponse({"reset": True})

    return [
        Route("/_sandbox/faults", faults_add, methods=["POST"]),
        Route("/_sandbox/faults", faults_list, methods=["GET"]),
        Route("/_sandbox/faults", faults_clear, methods=["DELETE"]),
        Route("/_sandbox/requests", requests_list, methods=["GET"]),
        Route("/_sandbox/requests", requests_clear, methods=["DELETE"]),
        Route("/_sandbox/reset", reset, methods=["POST"]),
    ]
