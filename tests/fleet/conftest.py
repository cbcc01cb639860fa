"""What tests of the fleet share."""

from collections.abc import Callable, Iterator

import pytest

from fleet.models import Instance, Operation
from fleet.operations import ledger
from tenants.models import Tenant
from tests.fleet.machines import door, far, machine, there
from tests.fleet.owned import charlies, owned, served_bot
from tests.fleet.toys import Toy, toy_kind
from tests.fleet.world import opened_world, world

__all__ = [
    "charlies",
    "door",
    "far",
    "machine",
    "opened_world",
    "owned",
    "served_bot",
    "there",
    "world",
]


@pytest.fixture
def toy(tenant: Tenant) -> Iterator[Toy]:
    with toy_kind(tenant) as toy:
        yield toy


@pytest.fixture
def provision(instance: Instance) -> Callable[[], Operation]:
    """Opens a provision of Alice's bot; what runs it is the test's business."""

    def opened() -> Operation:
        return ledger.operation_open(
            kind="provision", subject=instance, tenant=instance.tenant, cause="test"
        )

    return opened
