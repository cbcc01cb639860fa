"""A reference bot: the smallest program that keeps the contract of a WOPR bot container.

It stands in for the real image where none can be pulled, and shows which promises the control
plane relies on. Standard library only, and nothing is written outside /data.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import sqlite3
import struct
import sys
import time
from pathlib import Path

DATA = Path(os.environ.get("WOPR_HOME", "/data"))
VERSION = os.environ.get("BOT_VERSION", "1.0.0")
HEALTHY = os.environ.get("BOT_HEALTHY", "yes") == "yes"
# How this release is broken: "crashing" ends at once, "forgetful" does not see its providers.
FAULT = os.environ.get("BOT_FAULT", "")
RESTART = 75
PROBES_PER_MINUTE = 60
LARGEST_BODY = 1 << 20
WEBSOCKET_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
REASONS = {200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
REASONS |= {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}

Headers = dict[str, str]
Answer = tuple[int, dict[str, object]]


def daemon_token() -> str:
    """Return the admin token: the one seeded before the first boot, or a new one."""
    file = DATA / "daemon-token"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(secrets.token_hex(32))
    return file.read_text().strip()


class Store:
    """What the bot remembers, in SQLite with a write-ahead log."""

    def __init__(self) -> None:
        self.database = sqlite3.connect(DATA / "wopr.sqlite", isolation_level=None)
        self.database.execute("pragma journal_mode = wal")
        self.database.execute("create table if not exists providers (name text primary key)")

    def providers(self) -> list[str]:
        """Return the names of the configured inference providers."""
        return [name for (name,) in self.database.execute("select name from providers")]

    def add_provider(self, name: str) -> None:
        """Configure an inference provider."""
        self.database.execute("insert or replace into providers values (?)", [name])


class Bot:
    """The HTTP and WebSocket server."""

    def __init__(self) -> None:
        self.token = daemon_token()
        self.store = Store()
        self.journal = (DATA / "daemon.log").open("a", buffering=1)
        self.probes: list[float] = []
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def log(self, message: str) -> None:
        """Write a line for people and one for machines, as the real bot mixes them."""
        print(f"\x1b[32m[wopr]\x1b[0m {message}", flush=True)
        self.journal.write(json.dumps({"at": time.time(), "message": message}) + "\n")

    def end(self, code: int) -> None:
        """Leave the main loop with this exit code."""
        if not self.ended.done():
            self.ended.set_result(code)

    def answer(self, method: str, path: str, headers: Headers, body: bytes) -> Answer:
        """Answer one request: four open paths, all else by token."""
        if path in ("/", "/health"):
            return self._about() if path == "/" else self._health()
        if path == "/healthz":
            return self._rate_limited_health()
        if path == "/ready" and method == "GET":
            return self._ready()
        if not self.is_authorised(headers):
            return 401, {"error": "Unauthorized"}
        return self._private(method, path, body)

    def is_authorised(self, headers: Headers) -> bool:
        """Say whether the request carries the daemon token."""
        given = headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode())

    def _about(self) -> Answer:
        return 200, {"name": "wopr", "version": VERSION, "status": "running"}

    def _health(self) -> Answer:
        return (200, {"status": "ok"}) if HEALTHY else (500, {"status": "broken"})

    def _rate_limited_health(self) -> Answer:
        now = time.monotonic()
        self.probes = [at for at in self.probes if now - at < 60]
        if len(self.probes) >= PROBES_PER_MINUTE:
            return 429, {"error": "Too many requests"}
        self.probes.append(now)
        return self._health()

    def _ready(self) -> Answer:
        providers = self.store.providers()
        if not providers or FAULT == "forgetful":
            return 503, {"status": "not ready", "reason": "no inference provider configured"}
        return 200, {"status": "ready", "providers": providers}

    def _private(self, method: str, path: str, body: bytes) -> Answer:
        if (method, path) == ("POST", "/restart"):
            asyncio.get_running_loop().call_later(0.05, self.end, RESTART)
            return 200, {"status": "restarting"}
        if (method, path) == ("POST", "/crash"):
            asyncio.get_running_loop().call_later(0.05, self.end, 1)
            return 200, {"status": "crashing"}
        if (method, path) == ("POST", "/providers"):
            return self._add_provider(body)
        if (method, path) == ("GET", "/providers"):
            return 200, {"providers": self.store.providers()}
        return 404, {"error": "Not found"}

    def _add_provider(self, body: bytes) -> Answer:
        try:
            name = json.loads(body)["name"]
        except (ValueError, KeyError, TypeError):
            return 400, {"error": 'send {"name": "..."}'}
        self.store.add_provider(str(name))
        self.log(f"provider {name} configured")
        return 201, {"name": str(name)}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side ends it."""
        try:
            while await self._serve_request(reader, writer):
                await writer.drain()
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError) as error:
            print(f"connection ended: {error!r}", flush=True)
        finally:
            writer.close()

    async def _serve_request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if not (first := await reader.readline()):
            return False
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, _, rest = first.decode("latin-1").partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        size = min(int(headers.get("content-length", "0")), LARGEST_BODY)
        body = await reader.readexactly(size) if size else b""
        if path == "/ws" and self.is_authorised(headers) and "sec-websocket-key" in headers:
            await echo(reader, writer, headers["sec-websocket-key"])
            return False
        status, content = self.answer(method, path, headers, body)
        close = headers.get("connection", "").lower() == "close"
        writer.write(encode(status, content, with_body=method != "HEAD"))
        return not close


def encode(status: int, content: dict[str, object], *, with_body: bool) -> bytes:
    """Return an answer as HTTP/1.1 bytes."""
    body = json.dumps(content).encode()
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + (body if with_body else b"")


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str) -> None:
    """Speak WebSocket: send every message back until the client closes."""
    accept = base64.b64encode(hashlib.sha1((key + WEBSOCKET_KEY).encode()).digest()).decode()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
    while True:
        kind, length = await reader.readexactly(2)
        size = length & 0x7F
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        mask = await reader.readexactly(4)
        masked = await reader.readexactly(min(size, LARGEST_BODY))
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))
        writer.write(frame(kind if kind & 0x0F != 9 else 0x8A, payload))
        await writer.drain()
        if kind & 0x0F == 8:
            return


def frame(kind: int, payload: bytes) -> bytes:
    """Return one unmasked WebSocket frame."""
    if len(payload) < 126:
        return struct.pack("!BB", kind, len(payload)) + payload
    if len(payload) < 1 << 16:
        return struct.pack("!BBH", kind, 126, len(payload)) + payload
    return struct.pack("!BBQ", kind, 127, len(payload)) + payload


async def run() -> int:
    """Listen until asked to end; return the exit code."""
    bot = Bot()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, bot.end, 0)
    host = os.environ.get("WOPR_DAEMON_HOST", "0.0.0.0")
    port = int(os.environ.get("WOPR_DAEMON_PORT", "7437"))
    server = await asyncio.start_server(bot.serve, host, port)
    bot.log(f"version {VERSION} listening on {host}:{port}")
    if FAULT == "crashing":
        bot.end(1)
    code = await bot.ended
    server.close()
    return code


def main() -> int:
    """Run the bot, or say why /data cannot be used and exit with 1."""
    try:
        return asyncio.run(run())
    except (OSError, sqlite3.OperationalError) as error:
        print(f"cannot use {DATA}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
