"""Nodes that are reached by the private network are reached by it alone."""

from typing import Any

import pytest

from fleet.models import Node, Operation, Server
from fleet.operations.steps.servers import BootMachine
from sandbox.hetzner.catalogue import NETWORK
from tests.providers.life import Life

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("vendor", ["hetzner"], indirect=True),
]


@pytest.fixture(autouse=True)
def privately(settings: Any) -> Any:
    settings.WOPR_NODES_PRIVATE, settings.HETZNER_NETWORK = True, NETWORK
    return settings


def test_a_machine_is_ordered_into_the_network_and_reached_by_it(life: Life) -> None:
    while life.work().is_live and life.server.status != Server.Status.ENROLLING:
        continue
    answer = life.machine().enrol()
    assert answer.status_code == 200, answer.content
    node = Node.objects.get(server=life.server)
    assert life.server.private_address.startswith("10.")
    assert (node.address, node.engine_url) == (
        life.server.private_address,
        f"tcp://{life.server.private_address}:2376",
    )


def test_one_that_is_in_no_network_is_given_back_and_never_reached_by_the_public_address(
    life: Life, privately: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    privately.HETZNER_NETWORK = ""
    monkeypatch.setattr(BootMachine, "deadline", 0.0)
    monkeypatch.setattr(BootMachine, "patience", 0.0)
    assert life.finish().state == Operation.State.FAILED
    assert "no private address, by which WOPR_NODES_PRIVATE" in life.server.reason
    assert life.vendor.machines() == []
    assert not Node.objects.exists()


def test_a_network_that_is_not_there_is_named_before_anything_is_bought(
    life: Life, privately: Any
) -> None:
    privately.HETZNER_NETWORK = "elsewhere"
    assert life.finish().state == Operation.State.FAILED
    assert "Hetzner has no network elsewhere." in life.server.reason
    assert life.vendor.machines() == []
