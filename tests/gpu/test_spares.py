"""Holds made before they are asked for: for whom, how many, and until when."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from gpu.books import Amount
from gpu.callers import Caller
from gpu.inference import spares
from gpu.inference.spares import AHEAD, LARGER, Spares
from wopr.common.errors import Refused

SMALL, LARGE = Amount(tokens=100), Amount(tokens=100 * LARGER + 1)
BOT = Caller(uuid4(), uuid4(), budget=1, token_cap=None, second_cap=None)


class Books:
    """What is held, and what was given back."""

    def __init__(self) -> None:
        self.held: list[UUID] = []
        self.returned: list[UUID] = []
        self.is_full = False

    async def reserve(self, _caller: Caller, _most: Amount, requests: int) -> list[UUID]:
        if self.is_full:
            raise Refused("budget_exhausted", "There is no room.")
        new = [uuid4() for _ in range(requests)]
        self.held += new
        return new

    async def give_back(self, hold: UUID) -> None:
        self.returned.append(hold)


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spares, "AT_ONCE", 0.2)


def played(books: Books, scene: Callable[[Spares], Awaitable[None]]) -> None:
    async def play() -> None:
        await scene(Spares(books.reserve, books.give_back))

    asyncio.run(play())


async def talking(spare: Spares, most: Amount) -> "asyncio.Task[None]":
    """The bot asks twice; returns the task that keeps its spares, which are made by then."""
    spare.is_wanted(BOT, most)
    assert spare.is_wanted(BOT, most)
    task = asyncio.create_task(spare.make(BOT, most))
    while not spare._batches:
        await asyncio.sleep(0.001)
    return task


def test_a_bot_that_asks_once_gets_none(books: Books) -> None:
    async def scene(spare: Spares) -> None:
        assert not spare.is_wanted(BOT, SMALL)
        assert spare.take(BOT, SMALL) is None

    played(books, scene)


def test_a_conversation_asks_the_books_once_for_several_requests(books: Books) -> None:
    async def scene(spare: Spares) -> None:
        task = await talking(spare, SMALL)
        for _ in range(AHEAD):
            assert not spare.is_wanted(BOT, SMALL)
            assert spare.take(BOT, SMALL) in books.held
        assert spare.is_wanted(BOT, SMALL)
        assert spare.take(BOT, SMALL) is None
        await task

    played(books, scene)
    assert len(books.held) == AHEAD
    assert books.returned == []


def test_what_nobody_took_is_given_back_once_the_bot_is_silent(books: Books) -> None:
    async def scene(spare: Spares) -> None:
        task = await talking(spare, SMALL)
        taken = spare.take(BOT, SMALL)
        await task
        assert sorted([taken, *books.returned], key=str) == sorted(books.held, key=str)
        assert spare.take(BOT, SMALL) is None

    played(books, scene)


def test_spares_that_a_conversation_has_outgrown_are_given_back_for_larger_ones(
    books: Books,
) -> None:
    async def scene(spare: Spares) -> None:
        small = await talking(spare, SMALL)
        assert spare.take(BOT, LARGE) is None
        assert spare.is_wanted(BOT, LARGE)
        large = asyncio.create_task(spare.make(BOT, LARGE))
        while not books.returned:
            await asyncio.sleep(0.001)
        assert books.returned == books.held[:AHEAD]
        assert spare.take(BOT, LARGE) in books.held[AHEAD:]
        await asyncio.gather(small, large)

    played(books, scene)
    assert len(books.returned) == 2 * AHEAD - 1


def test_another_request_of_the_tenant_can_have_their_room(books: Books) -> None:
    async def scene(spare: Spares) -> None:
        task = await talking(spare, SMALL)
        assert spare.take_all(uuid4()) == []
        assert spare.take_all(BOT.tenant_id) == books.held
        await task

    played(books, scene)
    assert books.returned == []


def test_a_tenant_without_room_gets_none_and_hears_nothing(books: Books) -> None:
    books.is_full = True

    async def scene(spare: Spares) -> None:
        spare.is_wanted(BOT, SMALL)
        await spare.make(BOT, SMALL)
        assert spare.take(BOT, SMALL) is None
        assert spare.is_wanted(BOT, SMALL)

    played(books, scene)
