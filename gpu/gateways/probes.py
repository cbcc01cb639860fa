"""One look at one service: is it there, is its model loaded, and does a whole round trip work."""

import asyncio
import base64
import ssl
import time
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import httpx

from gpu.gateways.upstream import Upstream

LONGEST = 10.0  # seconds for a whole look
TIMEOUT = httpx.Timeout(2 * LONGEST, connect=3.0)  # a look's deadline comes before
# A tenth of a second of silence as a WAV file: whisper answers it with an empty text.
_WAV_HEADER = base64.b64decode("UklGRmQGAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YUAGAAA=")
SILENCE = _WAV_HEADER + bytes(1600)


@dataclass(frozen=True)
class Look:
    """What was seen. `answers` is /health, `works` a whole round trip, None when none was ended."""

    answers: bool
    loading: bool = False
    busy: bool = False  # the round trip still waited for its turn
    works: bool | None = None
    latency_ms: int | None = None
    error: str = ""


async def look(upstream: Upstream, kind: str, *, round_trip: bool, deadline: float) -> Look:
    """By that time of the loop's clock. Raises nothing: whatever goes wrong is what was seen."""
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(
        timeout=TIMEOUT, limits=limits, verify=trust(upstream.certificate), trust_env=False
    ) as session:
        session.headers["Authorization"] = f"Bearer {upstream.token}"
        try:
            async with asyncio.timeout_at(deadline):
                seen = await _greeting(session, upstream.url)
            if not round_trip or not seen.answers or seen.loading:
                return seen
            return await _at_work(seen, _round_trip(session, upstream.url, kind), deadline)
        except TimeoutError:
            return Look(answers=False, error=f"no answer within {LONGEST:.0f} s")
        except httpx.HTTPError as error:
            return Look(answers=False, error=f"no answer: {error or type(error).__name__}")


async def _greeting(session: httpx.AsyncClient, url: str) -> Look:
    began = time.monotonic()
    health = await session.get(f"{url}/health")
    if health.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return Look(answers=True, loading=True, error="the model is being loaded")
    if not health.is_success:
        return Look(answers=False, error=f"/health answered {health.status_code}")
    return Look(answers=True, latency_ms=round((time.monotonic() - began) * 1000))


async def _at_work(seen: Look, work: Awaitable[str], deadline: float) -> Look:
    """Who greets and lets work wait has its slots full: that is no outage."""
    try:
        async with asyncio.timeout_at(deadline):
            error = await work
    except TimeoutError:
        return replace(seen, busy=True, error=f"busy: work was not done within {LONGEST:.0f} s")
    return replace(seen, works=not error, error=error)


async def _round_trip(session: httpx.AsyncClient, url: str, kind: str) -> str:
    """The shortest real piece of work of that kind; returns what was wrong, or nothing."""
    response = await session.post(**_work(url, kind))
    if not response.is_success:
        return f"work was answered with {response.status_code}"
    return "" if _makes_sense(kind, response) else "the work's answer makes no sense"


def _work(url: str, kind: str) -> dict[str, Any]:
    if kind == "whisper":
        recording = ("silence.wav", SILENCE, "audio/wav")
        return {"url": f"{url}/v1/audio/transcriptions", "files": {"file": recording}}
    if kind == "chatterbox":
        return {"url": f"{url}/v1/audio/speech", "json": {"input": "ok"}}
    if kind == "qwen":
        return {"url": f"{url}/v1/embeddings", "json": {"input": "ok"}}
    said = {"messages": [{"role": "user", "content": "ok"}], "max_tokens": 1}
    return {"url": f"{url}/v1/chat/completions", "json": said}


def _makes_sense(kind: str, response: httpx.Response) -> bool:
    if kind == "chatterbox":
        return response.content.startswith(b"RIFF")
    try:
        answer = response.json()
    except ValueError:
        return False
    wanted = {"whisper": "text", "qwen": "data"}.get(kind, "choices")
    return isinstance(answer, dict) and wanted in answer


@lru_cache(maxsize=1024)
def trust(certificate: str) -> ssl.SSLContext:
    """Kept, since making one takes many milliseconds."""
    return ssl.create_default_context(cadata=certificate or None)
