"""Connections to the database are few and kept: by requests, by tasks; by streams none at all."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from redis import Redis

from billing.tasks import inbox_sweep
from fleet.models import Instance
from fleet.operations import ledger
from tests.conftest import free_port
from tests.flows.herd import Herd
from tests.stack.processes import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
MOST = settings.DATABASES["default"]["OPTIONS"]["pool"]["max_size"]


@pytest.fixture
def herd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Herd]:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    monkeypatch.setenv("DATABASE_URL", f"{server}/{connection.settings_dict['NAME']}")
    Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    herd = Herd(tmp_path, {("api", 0): free_port()})
    try:
        yield herd
    finally:
        herd.end()


def connections_of_others() -> set[int]:
    """The database's processes that serve other processes than this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}


def front(herd: Herd) -> httpx.Client:
    herd.start("api", 0)
    eventually(lambda: herd.is_served("api"), "the API to answer", 60)
    return httpx.Client(base_url=f"http://127.0.0.1:{herd.ports['api', 0]}", timeout=20)


def test_requests_use_the_same_connections_again(herd: Herd) -> None:
    ours = connections_of_others()
    with front(herd) as browser:
        assert browser.get("/api/ready").status_code == 200
        before = connections_of_others() - ours
        assert 1 <= len(before) <= 3
        for _ in range(10):
            assert browser.get("/api/ready").status_code == 200
        assert connections_of_others() - ours == before


def test_tasks_use_the_same_connections_again(herd: Herd) -> None:
    ours = connections_of_others()
    herd.start("worker", 0)
    eventually(lambda: worked_off(1), "a first task to be done", 60)
    before = connections_of_others() - ours
    assert 1 <= len(before) <= 3
    eventually(lambda: worked_off(10), "ten more", 60)
    assert connections_of_others() - ours == before


def worked_off(tasks: int) -> bool:
    """Sends so many, and waits until none is left or under way."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    for _ in range(tasks):
        inbox_sweep.delay()
    queue, taken = f"{settings.WOPR_DEPLOYMENT}:celery", f"{settings.WOPR_DEPLOYMENT}:unacked"
    eventually(lambda: not redis.llen(queue) and not redis.hlen(taken), "all tasks to end", 60)
    return True


def test_watchers_keep_no_connection_from_others(herd: Herd, instance: Instance) -> None:
    owner = instance.tenant.owner
    assert owner
    operation = ledger.operation_open(
        kind="restart", subject=instance, tenant=instance.tenant, cause="a test"
    )
    client = Client()
    client.force_login(owner.user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    with front(herd) as browser, ExitStack() as watching:
        browser.cookies.set(settings.SESSION_COOKIE_NAME, cookie)
        streams = [
            watching.enter_context(
                browser.stream("GET", f"/api/v1/operations/{operation.pk}/events")
            ).iter_lines()
            for _ in range(MOST + 2)
        ]
        for lines in streams:
            assert any(line.startswith("event: operation") for line in lines)
        assert browser.get("/api/ready").status_code == 200
