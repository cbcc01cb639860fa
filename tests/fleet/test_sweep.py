"""What is due is found in the database; the broker only makes it sooner."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from celery import Celery
from django.db import transaction
from django.utils import timezone

from fleet import tasks
from fleet.models import Operation
from fleet.operations import ledger, runner
from sandbox.stack.slots import port_answers
from sandbox.stack.valkey import find_server
from tenants.models import Tenant
from tests.fleet.toys import Toy, make_due
from tests.stack.processes import eventually
from wopr.common.queue import wake


def task_at(broker_url: str) -> Any:
    """The task as the product configures it, with another broker."""
    app = Celery("elsewhere", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = broker_url
    return app.task(tasks.operation_run.run, name="fleet.operation_run")


@contextmanager
def broker_of_ones_own() -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [find_server(), "--bind", "127.0.0.1", "--port", str(port), "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: port_answers(port), "the broker to answer")
        yield f"redis://127.0.0.1:{port}/0", server
    finally:
        server.kill()
        server.wait()


def test_the_sweep_takes_up_what_is_due(toy: Toy) -> None:
    operation = toy.open()

    assert ledger.due_ids() == [operation.pk]


def test_the_sweep_takes_up_what_a_dead_worker_left(toy: Toy) -> None:
    operation = toy.open()
    ledger.claim(operation.pk)
    assert ledger.due_ids() == []

    make_due(operation)

    assert ledger.due_ids() == [operation.pk]


def test_the_sweep_leaves_what_waits_for_its_next_try(toy: Toy) -> None:
    operation = toy.open()
    later = timezone.now() + timedelta(seconds=5)
    Operation.objects.filter(pk=operation.pk).update(next_attempt_at=later)

    assert ledger.due_ids() == []


def test_the_sweep_leaves_what_has_ended(toy: Toy) -> None:
    runner.run(toy.open().pk)

    assert ledger.due_ids() == []


def test_what_waited_longest_is_taken_up_first(toy: Toy, charlie: object) -> None:
    younger = toy.open()
    toy.tenant = Tenant.objects.get(slug="charlie")
    older = toy.open()
    long_ago = timezone.now() - timedelta(hours=1)
    Operation.objects.filter(pk=older.pk).update(next_attempt_at=long_ago)

    assert ledger.due_ids() == [older.pk, younger.pk]


def sent_ids(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    sent: list[UUID] = []

    def send(arguments: list[str], **_: Any) -> None:
        sent.append(UUID(arguments[0]))

    monkeypatch.setattr(tasks.operation_run, "apply_async", send)
    return sent


def test_the_sweep_wakes_a_worker_for_each(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    operation, sent = toy.open(), sent_ids(monkeypatch)

    with django_capture_on_commit_callbacks(execute=True):
        tasks.operations_sweep()

    assert sent == [operation.pk]


def test_a_broker_that_dies_costs_time_and_nothing_else(
    toy: Toy, django_capture_on_commit_callbacks: Any
) -> None:
    operation = toy.open()
    with broker_of_ones_own() as (url, server):
        task = task_at(url)
        with django_capture_on_commit_callbacks(execute=True):
            wake(task, "a wake-up that arrives, and leaves a connection behind")
        server.kill()
        server.wait()

        with django_capture_on_commit_callbacks(execute=True):
            wake(task, operation.pk)

    assert ledger.due_ids() == [operation.pk]
    tasks.operation_run(str(operation.pk))
    operation.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED


def test_a_broker_that_never_was_there_is_survived(
    toy: Toy, django_capture_on_commit_callbacks: Any
) -> None:
    operation = toy.open()

    with django_capture_on_commit_callbacks(execute=True):
        wake(task_at("redis://127.0.0.1:1/0"), operation.pk)

    assert ledger.due_ids() == [operation.pk]


def test_nothing_is_sent_for_a_transaction_that_was_rolled_back(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent = sent_ids(monkeypatch)

    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        wake(tasks.operation_run, toy.open().pk)
        transaction.set_rollback(True)

    assert sent == []
