"""Lines that bots wrote, on their way to whoever watches: one Redis stream for each watched bot.

Whoever watches says so, again and again; a follower on the workers' side fills the stream while
somebody does. An entry's id is made from the engine's own time of the line, so that a line keeps
its id when the stream is filled again, and written twice it is there once. Nothing here is truth:
all of it runs out by itself.
"""

import logging
import re
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import redis
import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError, ResponseError

from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
INTEREST = 15.0  # seconds for which somebody is taken to watch who said so
KEPT_FOR = 600  # seconds for which a stream outlives its last line
STATE_KEPT_FOR = 15  # seconds for which a follower's word counts
PATIENCE, LOOK_EVERY = 4.0, 0.1  # seconds for a follower to begin, and between two looks
BEGINNING = "0"
_ID = re.compile(r"\d{1,18}-\d{1,18}")
_TIMEOUTS: dict[str, Any] = {"socket_connect_timeout": 2, "socket_timeout": 5}


@dataclass(frozen=True)
class Line:
    """One line as it may be shown: cleaned, without secrets."""

    id: str
    at: str
    text: str


def valid_id(text: str) -> str:
    """An id that a client gave back, or the beginning where it is none."""
    return text if _ID.fullmatch(text) else BEGINNING


def line_id(at: str, after: str = BEGINNING) -> str:
    """The id of a line written at that time (RFC 3339, nanoseconds), larger than `after`."""
    whole, _, fraction = at.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    nanoseconds = int(fraction.ljust(9, "0")[:9])
    wanted = (seconds * 1000 + nanoseconds // 1_000_000, nanoseconds % 1_000_000)
    last = _pair(after)
    return "{}-{}".format(*(wanted if wanted > last else (last[0], last[1] + 1)))


def moment_of(line_id: str) -> datetime:
    """When the line of that id was written, to the microsecond below."""
    milliseconds, nanoseconds = _pair(line_id)
    start = datetime.fromtimestamp(milliseconds // 1000, tz=UTC)
    return start + timedelta(
        milliseconds=milliseconds % 1000, microseconds=min(nanoseconds // 1000, 999)
    )


def _pair(line_id: str) -> tuple[int, int]:
    first, _, second = line_id.partition("-")
    return int(first), int(second or 0)


# --- for workers and for requests ---


def _client() -> Any:
    return _client_at(settings.REDIS_URL)


@lru_cache(maxsize=4)
def _client_at(url: str) -> Any:
    return redis.Redis.from_url(url, decode_responses=True, **_TIMEOUTS)


def want(instance_id: UUID) -> None:
    """Somebody watches this bot's log, for the next seconds."""
    with _translated():
        _client().zadd(_key("wanted"), {str(instance_id): time.time() + INTEREST})


def wanted() -> set[UUID]:
    """Bots whose log somebody watches now."""
    with _translated():
        _client().zremrangebyscore(_key("wanted"), "-inf", time.time())
        return {UUID(member) for member in _client().zrange(_key("wanted"), 0, -1)}


def last_id(instance_id: UUID) -> str:
    """The id of the newest line that is there."""
    newest = tail(instance_id, 1)
    return newest[-1].id if newest else BEGINNING


def write(instance_id: UUID, lines: Iterable[Line]) -> None:
    """Adds lines; one that is there already, or is older than the newest, is left out."""
    key = _key("lines", instance_id)
    with _translated(), _client().pipeline(transaction=False) as pipe:
        for line in lines:
            fields = {"at": line.at, "text": line.text}
            pipe.xadd(key, fields, id=line.id, maxlen=settings.WOPR_LOG_LINES, approximate=False)
        pipe.expire(key, KEPT_FOR)
        _raise_unless_old(pipe.execute(raise_on_error=False))


def _raise_unless_old(answers: list[Any]) -> None:
    for answer in answers:
        if isinstance(answer, RedisError) and not _is_old(answer):
            raise answer


def _is_old(error: RedisError) -> bool:
    return isinstance(error, ResponseError) and "equal or smaller" in str(error)


def tail(instance_id: UUID, count: int) -> list[Line]:
    """The newest lines that are there, oldest first."""
    with _translated():
        found = _client().xrevrange(_key("lines", instance_id), count=count)
    return [_line(entry) for entry in reversed(found)]


def read(instance_id: UUID, count: int) -> tuple[str, list[Line]]:
    """How the log stands and its newest lines, once a follower has brought them."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        want(instance_id)
        if (found := state(instance_id)) not in ("", "away"):
            return found, tail(instance_id, count)
        time.sleep(LOOK_EVERY)
    raise ProviderError("nobody could follow the log")


def say(instance_id: UUID, state: str) -> None:
    """A follower's word on the bot's log; it has to be repeated."""
    with _translated():
        _client().set(_key("state", instance_id), state, ex=STATE_KEPT_FOR)
        _client().expire(_key("lines", instance_id), KEPT_FOR)


def state(instance_id: UUID) -> str:
    """What the follower said last; empty where none follows."""
    with _translated():
        return _client().get(_key("state", instance_id)) or ""


def seat_take(tenant_id: UUID, seat: str) -> bool:
    """Makes room for one more watcher of the tenant, unless it has as many as it may."""
    key = _key("seats", tenant_id)
    with _translated():
        _client().zremrangebyscore(key, "-inf", time.time())
        _client().zadd(key, {seat: time.time() + INTEREST})
        _client().expire(key, int(INTEREST) + 1)
        if _client().zcard(key) <= settings.WOPR_LOG_WATCHERS:
            return True
        _client().zrem(key, seat)
        return False


# --- for event streams ---


class Watcher:
    """One open stream: keeps its seat and the interest alive, and reads what comes."""

    def __init__(self, client: Any, instance_id: UUID, tenant_id: UUID, seat: str) -> None:
        self._client = client
        self._instance_id, self._seats, self._seat = instance_id, _key("seats", tenant_id), seat

    async def stay(self) -> None:
        until = time.time() + INTEREST
        with _translated():
            await self._client.zadd(_key("wanted"), {str(self._instance_id): until})
            await self._client.zadd(self._seats, {self._seat: until})
            await self._client.expire(self._seats, int(INTEREST) + 1)

    async def state(self) -> str:
        with _translated():
            return await self._client.get(_key("state", self._instance_id)) or ""

    async def after(self, line_id: str, *, count: int, wait: float) -> list[Line]:
        """Lines newer than that one; waits so many seconds for the first."""
        key = _key("lines", self._instance_id)
        with _translated():
            found = await self._client.xread({key: line_id}, count=count, block=int(wait * 1000))
        return [_line(entry) for _, entries in found for entry in entries]


@asynccontextmanager
async def watching(instance_id: UUID, tenant_id: UUID, seat: str) -> AsyncIterator[Watcher]:
    """A connection of its own for one stream; the seat is free again when the stream ends."""
    client: Any = redis.asyncio.Redis.from_url(
        settings.REDIS_URL, decode_responses=True, **_TIMEOUTS
    )
    try:
        yield Watcher(client, instance_id, tenant_id, seat)
    finally:
        try:
            await client.zrem(_key("seats", tenant_id), seat)
        except RedisError as error:
            logger.info("a seat is not given back, and runs out by itself: %s", error)
        await client.aclose()


def _line(entry: Any) -> Line:
    line_id, fields = entry
    return Line(id=line_id, at=fields["at"], text=fields["text"])


def _key(*parts: object) -> str:
    return ":".join([settings.WOPR_DEPLOYMENT, "logs", *(str(part) for part in parts)])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise ProviderError(f"Redis did not answer ({error})") from error
