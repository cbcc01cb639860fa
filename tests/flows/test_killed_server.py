"""A worker killed while a server is ordered or given back: never two machines, never one lost."""

import os
import signal
import time
from collections.abc import Callable

import pytest
from django.db import connection

from fleet import server_services
from fleet.models import Leak, Node, Operation, Server
from fleet.operations import ledger
from fleet.operations.servers import CREATE, DESTROY
from tests.flows.mortal import LOOKING, Moment, worker
from tests.providers.conftest import ORDERED, catalogue, life, order, vendor
from tests.providers.life import Life
from tests.stack.processes import eventually

__all__ = ["ORDERED", "catalogue", "life", "order", "vendor"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
Open = Callable[[], Operation]


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


@pytest.mark.parametrize(
    "moment", moments("server_create", [step.name for step in CREATE.steps]), ids=str
)
def test_a_worker_killed_while_ordering_ends_with_one_machine(life: Life, moment: Moment) -> None:
    killed_at(life, moment)
    assert life.operation.is_live or moment.point == "recorded"

    assert finished(life).state == Operation.State.SUCCEEDED, life.operation.error

    [machine] = life.vendor.machines()
    assert life.server.provider_id == str(machine["id"])
    assert life.server.status == Server.Status.READY
    assert Node.objects.filter(server=life.server).count() == 1
    assert life.history() == ["creating", "booting", "enrolling", "ready"]


@pytest.mark.parametrize(
    "moment", moments("server_destroy", [step.name for step in DESTROY.steps]), ids=str
)
def test_a_worker_killed_while_giving_back_leaves_nothing(life: Life, moment: Moment) -> None:
    life.finish()
    server_services.server_destroy(server=life.server, cause="test")
    killed_at(life, moment)

    assert finished(life).state == Operation.State.SUCCEEDED, life.operation.error

    assert life.vendor.machines() == []
    assert life.server.status == Server.Status.GONE
    assert not Leak.objects.exists()
