"""A bot's log while it is written: followed on the workers' side, read by whoever watches."""

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis
from django.conf import settings as django_settings
from rest_framework.test import APIClient

from fleet import logs
from fleet.gateways import lines as board
from fleet.models import Instance, Node, Variable
from tenants.models import Membership, Tenant, User
from tests.conftest import signed_in
from tests.fleet.streams import Stream, opened, played
from tests.fleet.world import World, run_bot
from tests.stack.processes import eventually
from wopr.common.models import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY_THERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def bot(world: World, tenant: Tenant, node: Node) -> Iterator[Instance]:
    yield run_bot(tenant, node)
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    for key in client.scan_iter(f"{django_settings.WOPR_DEPLOYMENT}:logs:*"):
        client.delete(key)


@pytest.fixture
def follower() -> Iterator[None]:
    """What `manage.py logs_follow` runs."""
    stop = threading.Event()
    thread = threading.Thread(target=logs.follow, args=[stop])
    thread.start()
    yield
    stop.set()
    thread.join(timeout=10)
    for follower in followers():
        follower.join(timeout=10)


@pytest.fixture(autouse=True)
def long_interest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scene reads its stream only now and then; a server reads on while its client is there."""
    monkeypatch.setattr(board, "INTEREST", 120.0)


def followers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if isinstance(t, logs.Following)]


def says(bot: Instance, text: str) -> None:
    """Has the bot write a line, as it does when a provider is configured."""
    token = {"Authorization": f"Bearer {bot.daemon_token}"}
    url = f"http://{bot.upstream}/providers"
    httpx.post(url, json={"name": text}, headers=token).raise_for_status()


def at(bot: Instance) -> str:
    return f"/api/v1/instances/{bot.pk}/logs"


async def watch(user: User, bot: Instance, **headers: str) -> Stream:
    response = await opened(user, f"{at(bot)}/stream", **headers)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/event-stream"
    return Stream(response)


@pytest.mark.usefixtures("follower")
def test_who_watches_sees_what_was_written_and_then_what_is(alice: User, bot: Instance) -> None:
    says(bot, "before")

    async def scene() -> list[str]:
        stream = await watch(alice, bot)
        first = await stream.line("before")
        says(bot, "meanwhile")
        second = await stream.line("meanwhile")
        await stream.close()
        return [first["data"]["text"], second["data"]["text"]]

    assert played(scene()) == [
        "[wopr] provider before configured",
        "[wopr] provider meanwhile configured",
    ]


@pytest.mark.usefixtures("follower")
def test_who_comes_back_gets_what_was_missed_and_nothing_twice(alice: User, bot: Instance) -> None:
    says(bot, "one")

    async def scene() -> list[str]:
        stream = await watch(alice, bot)
        seen = (await stream.line("one"))["id"]
        await stream.close()
        says(bot, "two")
        again = await watch(alice, bot, **{"Last-Event-ID": seen})
        texts = [(await again.next("line"))["data"]["text"]]
        says(bot, "three")
        texts.append((await again.next("line"))["data"]["text"])
        await again.close()
        return texts

    assert [text.split()[2] for text in played(scene())] == ["two", "three"]


@pytest.mark.usefixtures("follower")
def test_a_line_keeps_its_id_when_everything_in_redis_was_lost(alice: User, bot: Instance) -> None:
    says(bot, "kept")

    async def scene() -> tuple[str, str]:
        stream = await watch(alice, bot)
        first = (await stream.line("kept"))["id"]
        await stream.close()
        redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()
        for thread in followers():
            thread.join(timeout=20)
        again = await watch(alice, bot)
        second = (await again.line("kept"))["id"]
        await again.close()
        return first, second

    first, second = played(scene())
    assert first == second


@pytest.mark.usefixtures("follower")
def test_no_secret_of_the_bot_comes_through(alice: User, bot: Instance) -> None:
    value = 'dash"board-password of alice'
    Variable.objects.create(instance=bot, name="NOTION_KEY", value=value)
    own = [bot.daemon_token, bot.platform_token, bot.credential_key, value]
    for secret in own:
        says(bot, f"a {secret} b")
    says(bot, f"split {bot.platform_token[:20]}\x1b[31m\x00{bot.platform_token[20:]}")
    says(bot, "Authorization: Bearer sk_test_not_a_real_one")
    says(bot, "the end")

    async def scene() -> str:
        stream = await watch(alice, bot)
        texts: list[str] = []
        while not texts or "the end" not in texts[-1]:
            texts.append((await stream.next("line"))["data"]["text"])
        await stream.close()
        return "\n".join(texts)

    shown = played(scene())
    assert not any(secret in shown for secret in (*own, bot.platform_token[:20], "not_a_real"))
    assert shown.count("provider a [redacted] b configured") == 4
    assert "provider split [redacted] configured" in shown


@pytest.mark.usefixtures("follower")
def test_a_log_is_followed_through_a_stop_and_a_start(
    alice: User, bot: Instance, world: World
) -> None:
    container = world.engine.containers.get(bot.container_name)

    async def scene() -> list[str]:
        stream = await watch(alice, bot)
        states = [(await stream.next("state"))["data"]["state"]]
        while states[-1] != "following":
            states.append((await stream.next("state"))["data"]["state"])
        container.stop()
        assert (await stream.next("state"))["data"]["state"] == "stopped"
        container.start()
        news = [await stream.next(), await stream.next()]
        await stream.close()
        return [str(event["data"].get("state", event["data"].get("text"))) for event in news]

    following, listening = sorted(played(scene()), key=len)
    assert following == "following"
    assert "listening" in listening


@pytest.mark.usefixtures("follower")
def test_the_last_lines_can_be_had_at_once(api: APIClient, bot: Instance) -> None:
    for number in range(5):
        says(bot, f"number-{number}")

    answer = api.get(at(bot), {"lines": 2}).json()

    assert answer["state"] == "following"
    assert [line["text"].split()[2] for line in answer["lines"]] == ["number-3", "number-4"]


@pytest.mark.usefixtures("follower")
def test_no_more_lines_are_kept_than_the_setting_says(
    api: APIClient, bot: Instance, settings: Any
) -> None:
    settings.WOPR_LOG_LINES = 3
    for number in range(9):
        says(bot, f"number-{number}")

    shown = api.get(at(bot), {"lines": 100}).json()["lines"]
    assert [line["text"].split()[2] for line in shown] == ["number-6", "number-7", "number-8"]


@pytest.mark.usefixtures("follower")
def test_nobody_is_followed_once_nobody_watches(
    api: APIClient, bot: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "INTEREST", 1.0)
    assert api.get(at(bot)).status_code == 200
    [following] = followers()

    following.join(timeout=20)

    assert not following.is_alive()


def test_without_a_follower_the_log_is_said_to_be_away(api: APIClient, bot: Instance) -> None:
    answer = api.get(at(bot))

    assert (answer.status_code, answer.json()["code"]) == (503, "logs_unavailable")
    assert "The bot itself is not affected" in answer.json()["message"]


def test_without_redis_the_log_is_said_to_be_away_and_the_bot_runs_on(
    api: APIClient, bot: Instance, settings: Any
) -> None:
    settings.REDIS_URL = NOBODY_THERE

    for address in (at(bot), f"{at(bot)}/stream"):
        answer = api.get(address)
        assert (answer.status_code, answer.json()["code"]) == (503, "logs_unavailable")
    assert httpx.get(f"http://{bot.upstream}/health").status_code == 200


def test_a_stream_that_loses_redis_says_so_and_ends(
    alice: User, bot: Instance, settings: Any
) -> None:
    async def scene() -> dict[str, Any]:
        response = await opened(alice, f"{at(bot)}/stream")
        settings.REDIS_URL = NOBODY_THERE
        return await Stream(response).next("trouble")

    assert played(scene())["data"]["code"] == "logs_unavailable"


def test_a_tenant_has_so_many_live_logs_and_no_more_until_one_is_closed(
    alice: User, bot: Instance, settings: Any
) -> None:
    settings.WOPR_LOG_WATCHERS = 2

    async def scene() -> list[int]:
        first, second = await watch(alice, bot), await watch(alice, bot)
        await first.next("state")
        await second.next("state")
        refused = (await opened(alice, f"{at(bot)}/stream")).status_code
        await first.close()
        async with asyncio.timeout(30):
            while (third := await opened(alice, f"{at(bot)}/stream")).status_code == 429:
                await asyncio.sleep(0.1)
        await second.close()
        return [refused, third.status_code]

    assert played(scene()) == [429, 200]


def test_who_only_pays_for_a_bot_does_not_read_its_log(bot: Instance, bob: User) -> None:
    Membership.objects.filter(user=bob).update(role=Membership.Role.BILLING)

    assert signed_in(bob).get(at(bot)).status_code == 403


@pytest.mark.usefixtures("follower")
def test_a_follower_gives_signs_of_life() -> None:
    eventually(Heartbeat.objects.filter(name="log follower").exists, "a sign of life")
