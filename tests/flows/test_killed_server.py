"""A worker killed while a server is ordered or given back: never two machines, never one lost."""

import pytest

from fleet import server_services
from fleet.models import Leak, Node, Operation, Server
from fleet.operations.servers import CREATE, DESTROY
from tests.flows.mortal import Moment
from tests.flows.reaping import finished, killed_at, moments, same_database
from tests.providers.conftest import ORDERED, catalogue, life, order, vendor
from tests.providers.life import Life

__all__ = ["ORDERED", "catalogue", "life", "order", "same_database", "vendor"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


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
