"""A worker killed at any point of provisioning leaves nothing lost and nothing double."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from fleet.models import Instance, Operation
from fleet.operations import ledger
from fleet.operations.provision import PROVISION
from fleet.tasks import operation_run, operations_sweep
from tests.fleet.world import ONE_OF_EACH, World
from tests.flows.mortal import LOOKING, Moment, worker
from tests.stack.processes import eventually
from wopr.tasks import canary

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
Open = Callable[[], Operation]

STEPS = [step.name for step in PROVISION.steps]
# A death before a step is one after the step before it.
DOING = [Moment(STEPS[0], "before")]
DOING += [Moment(step, point) for step in STEPS for point in ("after", "recorded")]
DOING += [Moment(step, "during") for step in STEPS if step not in LOOKING]
UNDOING = [
    Moment(step, point, undoing=True)
    for step in ("publish_route", "create_container", "create_volume")
    for point in ("during", "after", "recorded")
]


@pytest.fixture(autouse=True)
def same_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes use the test's database, and a lease that is over soon."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    monkeypatch.setenv("DATABASE_URL", f"{server}/{connection.settings_dict['NAME']}")
    monkeypatch.setenv("WOPR_OPERATION_LEASE_SECONDS", "1")


def finished(operation: Operation) -> Operation:
    """The operation once other workers have brought it to its end, as the sweep would wake them."""
    deadline = time.monotonic() + 90
    while operation.is_live:
        assert time.monotonic() < deadline, list(
            operation.steps.values_list("name", "state", "message")
        )
        eventually(lambda: operation.pk in ledger.due_ids(), "the dead worker's lease to run out")
        assert worker(operation.pk) == 0
        operation.refresh_from_db()
    return operation


@pytest.mark.parametrize("moment", DOING, ids=str)
def test_a_worker_killed_while_provisioning_ends_with_one_of_each(
    moment: Moment, provision: Open, instance: Instance, world: World
) -> None:
    operation = provision()
    assert worker(operation.pk, moment) == -signal.SIGKILL
    operation.refresh_from_db()
    assert operation.is_live

    finished(operation)

    instance.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED, operation.error
    assert instance.status == Instance.Status.RUNNING
    assert world.counted(instance) == ONE_OF_EACH
    assert world.routes(instance.hostname) == [instance.upstream]
    assert world.inspected(instance)["Id"] == instance.container_id


@pytest.mark.parametrize("moment", UNDOING, ids=str)
def test_a_worker_killed_while_undoing_leaves_nothing_behind(
    moment: Moment, provision: Open, instance: Instance, world: World
) -> None:
    world.record_add(name=instance.hostname, type="A", content="198.51.100.7", ttl=60)
    operation = provision()
    assert worker(operation.pk, moment) == -signal.SIGKILL

    finished(operation)

    instance.refresh_from_db()
    assert operation.state == Operation.State.FAILED
    assert "already has a A record that WOPR did not make" in operation.error
    assert instance.status == Instance.Status.FAILED
    assert world.containers(instance) == world.volumes(instance) == []
    assert world.routes(instance.hostname) == []
    assert [record["content"] for record in world.records(instance.hostname)] == ["198.51.100.7"]
    assert not operation.leaks.exists()


@contextmanager
def celery_worker() -> Iterator["subprocess.Popen[bytes]"]:
    """The worker as production starts it, in a session of its own so that all of it can die."""
    command = [sys.executable, "-m", "celery", "-A", "wopr", "worker", "--concurrency", "1"]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_celery_worker_killed_in_the_middle_is_replaced_by_the_next_and_the_sweep(
    provision: Open, instance: Instance, world: World
) -> None:
    Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    operation = provision()
    with celery_worker() as first:
        operation_run.delay(str(operation.pk))
        eventually(lambda: has_begun(operation, "start_container"), "the middle", timeout=60)
        os.killpg(first.pid, signal.SIGKILL)
    operation.refresh_from_db()
    assert operation.is_live

    with celery_worker():
        deadline = time.monotonic() + 90
        while operation.is_live:
            assert time.monotonic() < deadline, "the sweep did not bring the operation to its end"
            operations_sweep.delay()
            time.sleep(0.5)
            operation.refresh_from_db()

    instance.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED, operation.error
    assert operation.fence > 1
    assert instance.status == Instance.Status.RUNNING
    assert world.counted(instance) == ONE_OF_EACH


def has_begun(operation: Operation, step: str) -> bool:
    return operation.steps.get(name=step).is_begun


def test_a_worker_does_not_let_an_operation_wait_behind_all_other_work(
    provision: Open, instance: Instance, world: World
) -> None:
    redis: Any = Redis.from_url(os.environ["REDIS_URL"])
    redis.flushdb()
    operation = provision()
    for _ in range(300):
        canary.delay()
    operation_run.delay(str(operation.pk))
    with celery_worker():
        eventually(lambda: has_begun(operation, "pull_image"), "the first step", timeout=60)
        assert redis.llen(f"{settings.WOPR_DEPLOYMENT}:celery") > 250
        eventually(lambda: not Operation.objects.live().exists(), "the last step", timeout=60)
