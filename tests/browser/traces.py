"""Everything that a run of the stack wrote, as text; and where in it a secret stands."""

import base64
import zlib
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import docker
import httpx
import psycopg
from psycopg import sql
from pypdf import PdfReader
from redis import Redis

from sandbox.control import SandboxControl

Texts = Iterator[tuple[str, str]]
BEARING = ("SECRET", "TOKEN", "PASSWORD", "KEY")
SHORTEST = 12  # characters; less is no secret, and stands everywhere
SESSIONS = "django_session"


def told(secrets: Mapping[str, str], texts: Iterable[tuple[str, str]]) -> list[str]:
    """Which secret stands where, as it is or in a form that hides nothing."""
    forms = {name: _forms(secret) for name, secret in secrets.items()}
    return [
        f"{name} in {place}"
        for place, text in texts
        for name, each in forms.items()
        if any(form in text for form in each)
    ]


def _forms(secret: str) -> set[str]:
    assert len(secret) >= SHORTEST, "too short to be looked for"
    raw = secret.encode()
    return {secret, quote(secret, safe=""), base64.b64encode(raw).decode(), raw.hex()}


def of_the_platform(stack: dict[str, Any]) -> dict[str, str]:
    """What the platform was started with, by the names of its variables."""
    environment: dict[str, str] = stack["environment"]
    named = {
        name: value
        for name, value in environment.items()
        if any(word in name for word in BEARING) and len(value) >= SHORTEST
    }
    for name in ("DATABASE_URL", "REDIS_URL"):
        named[f"the password in {name}"] = httpx.URL(environment[name]).password
    named["the staff's password"] = stack["staff_password"]
    named["the staff's authenticator"] = stack["staff_authenticator"]
    return {name: value for name, value in named.items() if value}


def environments(stack: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What each bot was given, as the engine has it, by the name of its container."""
    engine = docker.DockerClient(base_url=stack["environment"]["WOPR_STACK_ENGINE"])
    try:
        ours = stack["environment"]["WOPR_DEPLOYMENT"]
        listed: Any = engine.containers.list()
        mine = [each for each in listed if ours in each.labels.values()]
        return {
            each.name: dict(line.split("=", 1) for line in each.attrs["Config"]["Env"])
            for each in mine
        }
    finally:
        engine.close()


def everything(stack: dict[str, Any]) -> Texts:
    yield from logs(stack)
    yield from queues(stack)
    yield from rows(stack)
    yield from letters(stack)
    yield from routes(stack)


def logs(stack: dict[str, Any]) -> Texts:
    """Of every process: web, workers, beat, gateway, edge, database, and the vendors' own."""
    for file in sorted(Path(stack["logs"]).glob("*")):
        yield f"the log {file.name}", file.read_text(errors="replace")


READ_BY = {
    "string": lambda broker, key: broker.get(key),
    "list": lambda broker, key: broker.lrange(key, 0, -1),
    "hash": lambda broker, key: broker.hgetall(key),
    "set": lambda broker, key: broker.smembers(key),
    "zset": lambda broker, key: broker.zrange(key, 0, -1),
    "stream": lambda broker, key: broker.xrange(key),
}


def queues(stack: dict[str, Any]) -> Texts:
    """What Redis holds: wake-ups with their arguments, caches, streams."""
    with Redis.from_url(stack["environment"]["REDIS_URL"]) as broker:
        for key in broker.scan_iter():
            kind: Any = broker.type(key)
            if kind != b"none":  # it may have ended since it was listed
                yield f"Redis, {key!r}", str(READ_BY[kind.decode()](broker, key))


def rows(stack: dict[str, Any]) -> Texts:
    with psycopg.connect(stack["environment"]["DATABASE_URL"]) as database:
        yield from rows_of(database)


def rows_of(database: psycopg.Connection[Any]) -> Texts:
    """Every table as PostgreSQL writes it; sessions and documents are opened as well."""
    tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in tables.fetchall():
        query = sql.SQL("SELECT string_agg(t::text, E'\\n') FROM {} t").format(
            sql.Identifier(table)
        )
        (text,) = database.execute(query).fetchone() or ("",)
        yield f"the table {table}", text or ""
    for key, data in database.execute(f"SELECT session_key, session_data FROM {SESSIONS}"):
        yield f"the session {key}", _opened(data)
    for name, content in database.execute("SELECT filename, content FROM tenants_document"):
        yield f"the document {name}", _pages(bytes(content))


def _opened(session: str) -> str:
    """A session is signed, not sealed."""
    payload = session.rsplit(":", 2)[0]
    raw = payload.removeprefix(".")
    data = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
    return (zlib.decompress(data) if payload.startswith(".") else data).decode()


def _pages(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def letters(stack: dict[str, Any]) -> Texts:
    with SandboxControl.of(stack) as sandbox:
        for mail in sandbox.messages():
            yield f"the letter {mail['subject']!r}", str(mail)
            for attached in mail["attachments"]:
                yield (
                    f"attached: {attached['filename']}",
                    _pages(sandbox.attachment(attached["url"])),
                )


def routes(stack: dict[str, Any]) -> Texts:
    """What the edge was told, as it holds it."""
    admin = stack["environment"]["CADDY_ADMIN_URL"]
    yield "the edge's configuration", httpx.get(f"{admin}/config/", trust_env=False).text
