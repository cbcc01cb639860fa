"""A worker killed while a GPU node is ordered or given back: never two droplets, never one lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.models import Leak, Operation, Server
from gpu import services
from gpu.models import GpuNode
from gpu.operations.provisioning import GPU_CREATE, GPU_DESTROY
from gpu.tasks import services_probe
from tests.flows.mortal import Moment
from tests.flows.reaping import finished, killed_at, moments, same_database
from tests.gpu.conftest import no_node_by_hand
from tests.gpu.droplets import Droplet, node, vendor
from tests.providers.vendors import Vendor

__all__ = ["no_node_by_hand", "node", "same_database", "vendor"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


class Life:
    """An ordered GPU node, and its droplet."""

    def __init__(self, vendor: Vendor, node: GpuNode, folder: Path) -> None:
        self.vendor, self.node, self.folder = vendor, node, folder
        self.server = Server.objects.get(gpu_node=node)
        self.droplet: Droplet | None = None

    @property
    def operation(self) -> Operation:
        return Operation.objects.latest("created_at")

    def boot(self) -> None:
        """It boots and serves at once, as soon as the platform knows its address."""
        self.node.refresh_from_db()
        if self.node.address and self.droplet is None:
            [row] = self.vendor.machines()
            self.droplet = Droplet(row, self.folder)
            self.droplet.boots()
            self.droplet.serves()
            services_probe()


@pytest.fixture
def life(vendor: Vendor, node: GpuNode, tmp_path: Path) -> Iterator[Life]:
    life = Life(vendor, node, tmp_path)
    yield life
    if life.droplet:
        life.droplet.stops()


@pytest.mark.parametrize(
    "moment", moments("gpu_create", [step.name for step in GPU_CREATE.steps]), ids=str
)
def test_a_worker_killed_while_ordering_ends_with_one_droplet_at_work(
    life: Life, moment: Moment
) -> None:
    killed_at(life, moment)

    assert finished(life).state == Operation.State.SUCCEEDED, life.operation.error

    [droplet] = life.vendor.machines()
    assert life.server.provider_id == str(droplet["id"])
    assert life.server.status == Server.Status.READY


@pytest.mark.parametrize(
    "moment", moments("gpu_destroy", [step.name for step in GPU_DESTROY.steps]), ids=str
)
def test_a_worker_killed_while_giving_back_leaves_nothing(life: Life, moment: Moment) -> None:
    assert finished(life).state == Operation.State.SUCCEEDED, life.operation.error
    services.gpu_destroy(node=life.node, cause="test")
    killed_at(life, moment)

    assert finished(life).state == Operation.State.SUCCEEDED, life.operation.error

    assert life.vendor.machines() == []
    assert life.server.status == Server.Status.GONE
    assert GpuNode.objects.get().stage == GpuNode.Stage.GONE
    assert not Leak.objects.exists()
