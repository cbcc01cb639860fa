"""Workers on servers' operations that are killed, and others that come after them."""

import os
import signal
import time
from typing import Protocol

import pytest
from django.db import connection

from fleet.models import Operation, Server
from fleet.operations import ledger
from tests.flows.mortal import LOOKING, Moment, worker
from tests.stack.processes import eventually


class Life(Protocol):
    """A server with whatever is not the product: tests.providers.life, and GPU nodes."""

    server: Server

    @property
    def operation(self) -> Operation: ...

    def boot(self) -> None:
        """The machine does what it was told at its birth, when it is its turn."""
        ...


def moments(kind: str, steps: list[str]) -> list[Moment]:
    """A death before a step is one after the step before it."""
    recorded = [Moment(step, "recorded", kind=kind) for step in steps]
    acting = [step for step in steps if step not in LOOKING]
    return recorded + [Moment(s, p, kind=kind) for s in acting for p in ("during", "after")]


@pytest.fixture(autouse=True)
def same_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes use the test's database, and a lease that is over soon."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    monkeypatch.setenv("DATABASE_URL", f"{server}/{connection.settings_dict['NAME']}")
    monkeypatch.setenv("WOPR_OPERATION_LEASE_SECONDS", "1")


def killed_at(life: Life, moment: Moment) -> None:
    """Workers take the operation up until one has died at that moment."""
    end = time.monotonic() + 60
    while True:
        life.boot()
        eventually(lambda: is_due(life), "the operation to be due")
        if worker(life.operation.pk, moment) == -signal.SIGKILL:
            return
        assert life.operation.is_live, f"it ended without {moment}"
        assert time.monotonic() < end, f"no worker came to {moment}"


def is_due(life: Life) -> bool:
    now = life.operation.created_at
    Operation.objects.filter(pk=life.operation.pk).update(next_attempt_at=now)
    return life.operation.pk in ledger.due_ids()


def finished(life: Life) -> Operation:
    """The operation after others have brought it to its end."""
    end = time.monotonic() + 90
    while life.operation.is_live:
        steps = list(life.operation.steps.values_list("name", "state", "message"))
        assert time.monotonic() < end, steps
        life.boot()
        eventually(lambda: is_due(life), "the dead worker's lease to run out")
        assert worker(life.operation.pk) == 0
    life.server.refresh_from_db()
    return life.operation
