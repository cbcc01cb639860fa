"""Server-sent events of a view, read through the ASGI handler as a browser does."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any, ClassVar, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from tenants.models import User

T = TypeVar("T")


class Stream:
    """Events one at a time; several of them may come in one piece. Closed with the scene."""

    opened: ClassVar[list["Stream"]] = []

    def __init__(self, response: Any) -> None:
        self.opened.append(self)
        self.response = response
        self._chunks: AsyncIterator[bytes] = response.streaming_content.__aiter__()
        self._waiting: list[dict[str, Any]] = []

    async def next(self, event: str = "") -> dict[str, Any]:
        """The next event, or the next of that name: its name, its id if it has one, its data."""
        async with asyncio.timeout(30):
            while True:
                while not self._waiting:
                    chunk = await anext(self._chunks)
                    self._waiting += [e for e in map(_parsed, chunk.decode().split("\n\n")) if e]
                found = self._waiting.pop(0)
                if event in ("", found["event"]):
                    return found

    async def line(self, containing: str) -> dict[str, Any]:
        """The next line event whose text contains this."""
        while containing not in (found := await self.next("line"))["data"]["text"]:
            pass
        return found

    async def close(self) -> None:
        """As the server does for a client that went: what makes the events is ended."""
        await self.response._iterator.aclose()


def _parsed(text: str) -> dict[str, Any] | None:
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return {**fields, "data": json.loads(fields["data"])} if "event" in fields else None


async def opened(user: User, address: str, **headers: str) -> Any:
    """The answer to a request for a stream."""
    client = AsyncClient()
    await client.aforce_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return await client.get(address, headers=headers)


def played(scene: Coroutine[Any, Any, T]) -> T:
    """What the scene returns; the connections of its threads are closed behind it."""

    async def to_its_end() -> T:
        try:
            return await scene
        finally:
            while Stream.opened:
                await Stream.opened.pop().close()
            await sync_to_async(connections.close_all)()

    return asyncio.run(to_its_end())
