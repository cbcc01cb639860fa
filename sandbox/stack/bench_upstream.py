"""What `bench_gateway` measures against: a quick stand-in for llama.cpp, and a bare proxy to it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

TOKENS = 8
FIRST_TOKEN = 0.05  # seconds; a small model on a good card
USAGE = {"prompt_tokens": 8, "completion_tokens": TOKENS, "total_tokens": 8 + TOKENS}


def event(chunk: object) -> bytes:
    """Return one server-sent event."""
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


async def tokens(pause: float) -> AsyncIterator[bytes]:
    """Yield a stream as llama.cpp does."""
    await asyncio.sleep(FIRST_TOKEN)
    for _ in range(TOKENS):
        yield event({"choices": [{"index": 0, "delta": {"content": "play "}}]})
        await asyncio.sleep(pause)
    yield event({"choices": [], "usage": USAGE})
    yield b"data: [DONE]\n\n"


async def complete(request: Request) -> Response:
    """Answer at once, or as a stream."""
    asked = await request.json()
    if asked.get("stream"):
        stream = tokens(asked.get("pauses", 0.002))
        return StreamingResponse(stream, media_type="text/event-stream")
    message = {"role": "assistant", "content": "the only winning move is not to play"}
    return JSONResponse({"choices": [{"index": 0, "message": message}], "usage": USAGE})


upstream = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


@asynccontextmanager
async def living(app: Starlette) -> AsyncIterator[None]:
    """Keep one pool of connections, as the gateway does."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
    url = os.environ["BENCH_UPSTREAM"]
    async with httpx.AsyncClient(
        base_url=url, limits=limits, timeout=60, trust_env=False
    ) as client:
        app.state.client = client
        yield


async def pass_on(request: Request) -> Response:
    """Pass a request and its answer on, and do nothing else."""
    client: httpx.AsyncClient = request.app.state.client
    headers, content = {"Content-Type": "application/json"}, await request.body()
    sent = client.build_request("POST", request.url.path, content=content, headers=headers)
    answer = await client.send(sent, stream=True)
    return StreamingResponse(
        pieces(answer), answer.status_code, media_type=answer.headers["content-type"]
    )


async def pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body as it comes."""
    async for piece in answer.aiter_raw():
        yield piece
    await answer.aclose()


proxy = Starlette(
    routes=[Route("/v1/chat/completions", pass_on, methods=["POST"])], lifespan=living
)
