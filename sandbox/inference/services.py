"""The services' HTTP behaviour, without a model behind it.

llama.cpp (server README): /health is 503 while the model loads, completions stream token by token
and end with a chunk of usage, a server whose slots are all taken makes callers wait, /slots lists
them. chatterbox-tts-api answers /v1/audio/speech with a WAV, faster-whisper-server
/v1/audio/transcriptions with text, and with the length where `verbose_json` is asked for.
"""

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

WORDS = ["the", "only", "winning", "move", "is", "not", "to", "play"]
LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}


@dataclass
class Machine:
    """What a test may turn: how one service feels."""

    token: str
    slots: int = 4
    loading: bool = False
    broken: bool = False  # answers 500 to work, while /health is well
    incurable: bool = False  # is as broken as before when it was restarted
    restarts: int = 0
    pause: float = 0.0  # seconds between tokens
    breaks_after: int | None = None  # tokens after which the connection is cut
    halts_after: int | None = None  # tokens after which a stream waits, as long as it is so
    heard: float = 0.0  # seconds, of a recording that is no WAV
    asked: int = 0
    served: int = 0
    most_at_once: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    busy: int = 0
    _free: asyncio.Semaphore | None = None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        self._free = self._free or asyncio.Semaphore(self.slots)
        async with self._free:
            self.busy += 1
            self.most_at_once = max(self.most_at_once, self.busy)
            try:
                yield
            finally:
                self.busy -= 1
                self.served += 1

    def refusal(self, request: Request) -> Response | None:
        self.asked += 1
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"error": {"code": 401, "message": "Invalid API Key"}}, 401)
        if self.loading:
            return JSONResponse(LOADING, 503)
        if self.broken:
            return JSONResponse({"error": {"code": 500, "message": "CUDA error"}}, 500)
        return None


@dataclass
class Services:
    """The answers of one machine."""

    machine: Machine

    async def health(self, _request: Request) -> Response:
        if self.machine.loading:
            return JSONResponse(LOADING, 503)
        return JSONResponse({"status": "ok"})

    async def slots(self, _request: Request) -> Response:
        taken, there = self.machine.busy, range(self.machine.slots)
        return JSONResponse([{"id": n, "is_processing": n < taken} for n in there])

    async def restart(self, request: Request) -> Response:
        """What a node's proxy passes on to its agent."""
        if request.headers.get("authorization") != f"Bearer {self.machine.token}":
            return Response(status_code=401)
        self.machine.restarts += 1
        self.machine.broken &= self.machine.incurable
        return Response(status_code=202)

    async def completions(self, request: Request) -> Response:
        if refusal := self.machine.refusal(request):
            return refusal
        asked = await request.json()
        self.machine.bodies.append(asked)
        words = [WORDS[n % len(WORDS)] for n in range(_most(asked))]
        usage = _usage(asked, len(words) * asked.get("n", 1))
        if asked.get("stream"):
            tokens = _stream(self.machine, asked, words, usage)
            return StreamingResponse(tokens, media_type="text/event-stream")
        async with self.machine.slot():
            await asyncio.sleep(self.machine.pause * len(words))
        text = " ".join(words)
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message, "text": text}
        return JSONResponse({"object": "chat.completion", "choices": [choice], "usage": usage})

    async def embeddings(self, request: Request) -> Response:
        if refusal := self.machine.refusal(request):
            return refusal
        usage = _usage(await request.json(), 0)
        data = [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2, 0.3]}]
        return JSONResponse({"object": "list", "data": data, "usage": usage})

    async def speech(self, request: Request) -> Response:
        if refusal := self.machine.refusal(request):
            return refusal
        asked = await request.json()
        return Response(wav(seconds=max(len(asked["input"]) // 15, 1)), media_type="audio/wav")

    async def transcriptions(self, request: Request) -> Response:
        if refusal := self.machine.refusal(request):
            return refusal
        async with request.form() as form:
            recording = await form["file"].read()  # type: ignore[union-attr]
            self.machine.bodies.append({n: v for n, v in form.items() if isinstance(v, str)})
        answer: dict[str, Any] = {"text": "shall we play a game"}
        if self.machine.bodies[-1].get("response_format") == "verbose_json":
            answer["duration"] = _duration(recording) or self.machine.heard
        return JSONResponse(answer)


def service(machine: Machine) -> Starlette:
    """All services in one application: a test mounts it as often as it wants nodes."""
    answers = Services(machine)
    posts = {
        "/wopr/restart": answers.restart,
        "/v1/chat/completions": answers.completions,
        "/v1/completions": answers.completions,
        "/v1/embeddings": answers.embeddings,
        "/v1/audio/speech": answers.speech,
        "/v1/audio/transcriptions": answers.transcriptions,
    }
    routes = [Route("/health", answers.health), Route("/slots", answers.slots)]
    return Starlette(
        routes=[*routes, *(Route(path, view, methods=["POST"]) for path, view in posts.items())]
    )


def _most(asked: dict[str, Any]) -> int:
    """How many tokens it makes: llama.cpp's own `n_predict` goes before OpenAI's name for it."""
    most = int(asked.get("n_predict", asked.get("max_tokens", len(WORDS))))
    return len(WORDS) if most < 0 else min(most, len(WORDS))


def _duration(recording: bytes) -> float | None:
    try:
        with wave.open(io.BytesIO(recording)) as heard:
            seconds: float = heard.getnframes() / heard.getframerate()
    except wave.Error:
        return None
    return seconds


def wav(*, seconds: int, rate: int = 8000) -> bytes:
    """Silence of that length."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(2 * rate * seconds))
    return buffer.getvalue()


async def _stream(
    machine: Machine, asked: dict[str, Any], words: list[str], usage: dict[str, int]
) -> AsyncIterator[bytes]:
    async with machine.slot():
        for number, word in enumerate(words):
            if number == machine.breaks_after:
                raise ConnectionResetError("the machine was switched off")
            while number == machine.halts_after:
                await asyncio.sleep(0.01)
            await asyncio.sleep(machine.pause)
            delta = {"index": 0, "finish_reason": None, "delta": {"content": f"{word} "}}
            yield _event({"object": "chat.completion.chunk", "choices": [delta]})
        if (asked.get("stream_options") or {}).get("include_usage"):
            yield _event({"object": "chat.completion.chunk", "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _usage(asked: dict[str, Any], answered: int) -> dict[str, int]:
    text = asked.get("messages") or asked.get("prompt") or asked.get("input")
    prompt = max(len(json.dumps(text)) // 4, 1)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answered,
        "total_tokens": prompt + answered,
    }
