"""A worker's connection to the database is kept from task to task, and a broken one is replaced."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from billing.tasks import inbox_sweep
from tests.flows.herd import Herd
from tests.stack.processes import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


@pytest.fixture
def herd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Herd]:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    monkeypatch.setenv("DATABASE_URL", f"{server}/{connection.settings_dict['NAME']}")
    redis = Redis.from_url(os.environ["REDIS_URL"])
    redis.flushdb()
    herd = Herd(tmp_path, {})
    try:
        yield herd
    finally:
        herd.end()
        redis.flushdb()


def test_tasks_use_one_connection_until_it_breaks(herd: Herd, tmp_path: Path) -> None:
    ours = connections_of_others()
    herd.start("worker", 0)
    work_off(tasks=1)
    [kept] = connections_of_others() - ours

    work_off(tasks=10)
    assert connections_of_others() - ours == {kept}

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [kept])
    eventually(lambda: connections_of_others() == ours, "the connection to be gone")
    work_off(tasks=1)
    assert len(connections_of_others() - ours) == 1
    assert "Error" not in (tmp_path / "worker-0.log").read_text()


def connections_of_others() -> set[int]:
    """The database's processes that serve other processes than this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        return {pid for (pid,) in cursor.fetchall()}


def work_off(*, tasks: int) -> None:
    """Sends so many, and waits until none is left or under way."""
    redis = Redis.from_url(os.environ["REDIS_URL"])
    queue, taken = f"{settings.WOPR_DEPLOYMENT}:celery", f"{settings.WOPR_DEPLOYMENT}:unacked"
    for _ in range(tasks):
        inbox_sweep.delay()
    eventually(lambda: not redis.llen(queue) and not redis.hlen(taken), "all tasks to end", 60)
