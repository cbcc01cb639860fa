"""Provisioning on real parts: a bot is running once it was seen under its public name."""

import os
import time
from collections.abc import Callable

import pytest

from fleet.models import Instance, Operation
from fleet.operations import runner
from sandbox.stack.front_door import front_door
from tests.fleet.toys import ran
from tests.fleet.world import ONE_OF_EACH, World

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[[], Operation]


def provisioned(operation: Operation) -> Operation:
    """The operation after workers took it up whenever it was due, until it ended."""
    deadline = time.monotonic() + 60
    ran(operation)
    while operation.is_live:
        assert time.monotonic() < deadline, f"still {operation.state}: {told(operation)}"
        ran(operation)
    return operation


def told(operation: Operation) -> list[tuple[str, str, str]]:
    return list(operation.steps.values_list("name", "state", "message"))


def test_one_run_makes_a_running_bot_with_one_of_each(
    provision: Open, instance: Instance, world: World
) -> None:
    operation = provision()

    runner.run(operation.pk)

    operation.refresh_from_db()
    instance.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    assert instance.status == Instance.Status.RUNNING
    assert instance.healthy_at
    assert instance.provider_ready is False
    assert world.counted(instance) == ONE_OF_EACH
    assert world.routes(instance.hostname) == [instance.upstream]
    with front_door(os.environ["WOPR_EDGE_CA_FILE"]) as browser:
        assert browser.get(instance.url).json()["name"] == "wopr"
