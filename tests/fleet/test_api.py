"""Bots and operations over the API, and an operation as it happens over its event stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient
from rest_framework.test import APIClient

from billing.models import Plan
from fleet.models import Instance, Operation
from fleet.operations import ledger, runner
from tenants.models import Tenant, User
from tests.conftest import signed_in
from tests.fleet.lives import pay
from tests.fleet.toys import FOR_GOOD, Toy, raising, ran
from wopr.common.errors import ProviderError

pytestmark = pytest.mark.django_db
Open = Callable[[], Operation]
API = "/api/v1"
T = TypeVar("T")


def test_a_tenant_sees_its_bots(api: APIClient, tenant: Tenant, instance: Instance) -> None:
    [bot] = api.get(f"{API}/tenants/{tenant.pk}/instances").json()

    assert bot["id"] == str(instance.pk)
    assert (bot["slug"], bot["status"]) == ("alice-co", "starting")
    assert (bot["hostname"], bot["url"]) == (instance.hostname, instance.url)
    assert (bot["memory_mb"], bot["cpus"], bot["pids"], bot["disk_gb"]) == (256, 0.5, 128, 1)
    assert bot["image_digest"] is None
    assert bot["operation"] is None


def test_a_bot_shows_its_newest_operation(
    api: APIClient, instance: Instance, provision: Open
) -> None:
    operation = provision()

    shown = api.get(f"{API}/instances/{instance.pk}").json()["operation"]

    assert (shown["id"], shown["state"]) == (str(operation.pk), "queued")
    assert (shown["progress"], shown["current_step"]) == (0, "pull_image")


def test_no_secret_of_a_bot_is_shown(api: APIClient, instance: Instance) -> None:
    shown = api.get(f"{API}/instances/{instance.pk}").content.decode()

    secrets = (instance.daemon_token, instance.platform_token, instance.credential_key)
    assert not any(secret in shown for secret in secrets)


def test_an_operation_shows_its_steps_and_how_far_it_is(api: APIClient, toy: Toy) -> None:
    toy.second.on_act = raising(ProviderError("the vendor is away"))
    operation = ran(toy.open())

    shown = api.get(f"{API}/operations/{operation.pk}").json()

    assert (shown["title"], shown["state"]) == ("Toy", "running")
    assert (shown["progress"], shown["current_step"]) == (33, "second")
    assert [(s["name"], s["state"], s["message"]) for s in shown["steps"]] == [
        ("first", "done", ""),
        ("second", "waiting", "the vendor is away"),
        ("third", "pending", ""),
    ]


def test_an_operation_that_failed_says_why(api: APIClient, toy: Toy) -> None:
    toy.second.on_act = raising(FOR_GOOD)
    operation = ran(toy.open())

    shown = api.get(f"{API}/operations/{operation.pk}").json()

    assert (shown["state"], shown["error"]) == ("failed", "second: the vendor refuses")
    assert shown["current_step"] is None


def test_a_tenants_operations_come_newest_first(api: APIClient, toy: Toy) -> None:
    older = ran(toy.open())
    newer = toy.open()

    shown = api.get(f"{API}/tenants/{toy.tenant.pk}/operations").json()

    assert [operation["id"] for operation in shown] == [str(newer.pk), str(older.pk)]


def test_a_failed_bot_is_set_up_again_on_request(
    api: APIClient, instance: Instance, plan: Plan
) -> None:
    pay(instance.tenant, plan)
    Instance.objects.update(status=Instance.Status.FAILED)

    answer = api.post(f"{API}/instances/{instance.pk}/retry")

    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    instance.refresh_from_db()
    assert instance.status == Instance.Status.STARTING


def test_a_bot_that_did_not_fail_is_not_set_up_again(
    api: APIClient, instance: Instance, plan: Plan
) -> None:
    pay(instance.tenant, plan)
    answer = api.post(f"{API}/instances/{instance.pk}/retry")

    assert (answer.status_code, answer.json()["code"]) == (409, "instance_not_failed")
    assert not Operation.objects.exists()


@pytest.fixture
def addresses(instance: Instance, provision: Open) -> list[str]:
    operation, tenant = provision(), instance.tenant
    return [
        f"{API}/tenants/{tenant.pk}/instances",
        f"{API}/tenants/{tenant.pk}/operations",
        f"{API}/instances/{instance.pk}",
        f"{API}/operations/{operation.pk}",
        f"{API}/operations/{operation.pk}/events",
    ]


def test_to_a_stranger_none_of_it_exists(charlie: User, addresses: list[str]) -> None:
    stranger = signed_in(charlie)

    assert {stranger.get(address).status_code for address in addresses} == {404}
    retry = addresses[2] + "/retry"
    assert stranger.post(retry).status_code == 404


def test_to_somebody_who_is_not_signed_in_all_of_it_is_closed(addresses: list[str]) -> None:
    nobody = APIClient()

    assert {nobody.get(address).status_code for address in addresses} <= {401, 403}


# --- the event stream, through the ASGI handler ---


class Stream:
    """Reads server-sent events one at a time, as a browser does."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self._chunks: AsyncIterator[bytes] = response.streaming_content.__aiter__()

    async def next(self) -> dict[str, Any]:
        """The next event: its name, its id if it has one, and its data."""
        while True:
            chunk = await asyncio.wait_for(anext(self._chunks), timeout=10)
            lines = [line.split(": ", 1) for line in chunk.decode().strip().splitlines()]
            event = {line[0]: line[1] for line in lines}
            if "event" in event:
                return {**event, "data": json.loads(event["data"])}


def played(scene: Coroutine[Any, Any, T]) -> T:
    """What the scene returns; the connections of its threads are closed behind it."""

    async def to_its_end() -> T:
        try:
            return await scene
        finally:
            await sync_to_async(connections.close_all)()

    return asyncio.run(to_its_end())


async def opened(user: User, operation: Operation, **headers: str) -> Stream:
    client = AsyncClient()
    await client.aforce_login(user, backend="django.contrib.auth.backends.ModelBackend")
    response = await client.get(f"{API}/operations/{operation.pk}/events", headers=headers)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-cache"
    return Stream(response)


@pytest.mark.django_db(transaction=True)
def test_a_stream_begins_with_the_whole_operation_and_ends_with_it(alice: User, toy: Toy) -> None:
    operation = ran(toy.open())

    async def read() -> tuple[Any, Any]:
        stream = await opened(alice, operation)
        return await stream.next(), await stream.next()

    snapshot, end = played(read())

    assert (snapshot["event"], snapshot["id"]) == ("operation", str(operation.revision))
    assert (snapshot["data"]["state"], snapshot["data"]["progress"]) == ("succeeded", 100)
    assert [step["state"] for step in snapshot["data"]["steps"]] == ["done"] * 3
    assert end["event"] == "end"


@pytest.mark.django_db(transaction=True)
def test_what_happens_is_told_while_it_happens(alice: User, toy: Toy) -> None:
    operation = toy.open()

    async def follow() -> list[Any]:
        stream = await opened(alice, operation)
        seen = [await stream.next()]
        held = await sync_to_async(ledger.claim)(operation.pk)
        assert held
        seen.append(await stream.next())
        await sync_to_async(ledger.finish)(held, failed=False)
        seen.append(await stream.next())
        seen.append(await stream.next())
        return seen

    queued, running, succeeded, end = played(follow())

    states = [event["data"]["state"] for event in (queued, running, succeeded)]
    assert states == ["queued", "running", "succeeded"]
    assert int(queued["id"]) < int(running["id"]) < int(succeeded["id"])
    assert end["event"] == "end"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("behind", "events"), [(0, ["end"]), (1, ["operation", "end"])])
def test_a_client_that_comes_back_gets_what_it_missed_and_nothing_twice(
    alice: User, toy: Toy, behind: int, events: list[str]
) -> None:
    operation = ran(toy.open())
    seen = str(operation.revision - behind)

    async def read() -> list[str]:
        stream = await opened(alice, operation, **{"Last-Event-ID": seen})
        return [(await stream.next())["event"] for _ in events]

    assert played(read()) == events


def test_a_stream_of_another_tenant_is_refused_as_json(charlie: User, toy: Toy) -> None:
    answer = signed_in(charlie).get(
        f"{API}/operations/{toy.open().pk}/events", headers={"Accept": "text/event-stream"}
    )

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_a_finished_run_is_the_same_in_api_and_rows(api: APIClient, toy: Toy) -> None:
    operation = toy.open()
    runner.run(operation.pk)

    shown = api.get(f"{API}/operations/{operation.pk}").json()

    assert shown["revision"] == Operation.objects.get().revision
    assert shown["correlation_id"] == operation.correlation_id
