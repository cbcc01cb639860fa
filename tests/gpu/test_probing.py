"""What the probes make of services that load, work, break and vanish."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from asgiref.sync import sync_to_async
from django.utils import timezone

from gpu import probing
from gpu.models import GpuNode, Service, ServiceChange, ServiceSample
from gpu.operations.restarting import starting
from gpu.tasks import services_probe
from tests.gpu.conftest import Node

State = Service.State


@pytest.fixture
def node(gpu_node: Callable[..., Node]) -> Node:
    return gpu_node(state=State.STARTING)


def states() -> set[str]:
    return set(Service.objects.values_list("state", flat=True))


def test_a_service_is_ready_only_after_it_did_real_work(node: Node) -> None:
    node.machine.broken = True
    services_probe()
    assert states() == {State.DEGRADED}
    node.machine.broken = False
    services_probe()
    assert states() == {State.READY}
    assert Service.objects.filter(proven_at=None).count() == 0


def test_a_model_that_is_loading_is_told_apart_from_one_that_is_away(node: Node) -> None:
    node.machine.loading = True
    services_probe()
    assert states() == {State.LOADING}


def test_a_service_that_never_answered_is_starting_and_not_down(node: Node) -> None:
    node.served.stop()
    for _ in range(probing.DOWN_AFTER + 1):
        services_probe()
    assert states() == {State.STARTING}


def test_one_miss_is_no_outage_and_one_answer_no_recovery(gpu_node: Callable[..., Node]) -> None:
    node = gpu_node()
    port = Service.objects.first().port  # type: ignore[union-attr]
    Service.objects.update(port=1)
    services_probe()
    assert states() == {State.READY}
    for _ in range(probing.DOWN_AFTER - 1):
        services_probe()
    assert states() == {State.DOWN}
    Service.objects.update(port=port)
    services_probe()
    assert states() == {State.DOWN}
    services_probe()
    assert states() == {State.READY}
    assert node.machine.bodies  # work was done, not only a greeting
    history = ServiceChange.objects.filter(service__kind=Service.Kind.LLAMA)
    assert list(history.values_list("after", flat=True)) == [State.READY, State.DOWN]


def test_a_state_lasts_since_its_last_change_and_not_since_the_last_look(node: Node) -> None:
    services_probe()
    since = dict(Service.objects.values_list("pk", "since"))
    services_probe()
    assert dict(Service.objects.values_list("pk", "since")) == since


def test_each_service_is_judged_for_itself(node: Node) -> None:
    services_probe()
    Service.objects.filter(kind=Service.Kind.WHISPER).update(port=1)
    for _ in range(probing.DOWN_AFTER):
        services_probe()
    assert Service.objects.get(kind=Service.Kind.WHISPER).state == State.DOWN
    assert Service.objects.get(kind=Service.Kind.LLAMA).state == State.READY


def test_a_wrong_token_is_seen_in_the_round_trip(node: Node) -> None:
    GpuNode.objects.update(inference_token="another")
    services_probe()
    assert states() == {State.DEGRADED}
    assert "401" in Service.objects.first().error  # type: ignore[union-attr]


def test_a_ready_service_is_proven_again_after_a_while(node: Node) -> None:
    services_probe()
    node.machine.broken = True
    services_probe()
    assert states() == {State.READY}
    with time_machine.travel(timezone.now() + probing.PROVE_EVERY * 2):
        services_probe()
    assert states() == {State.DEGRADED}


def test_what_was_restarted_while_it_was_looked_at_is_not_called_ready(
    gpu_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu_node()
    look_at = probing._look_at

    async def interrupted(services: Any) -> Any:
        seen = await look_at(services)
        await sync_to_async(starting)(Service.objects.filter(kind=Service.Kind.LLAMA))
        return seen

    monkeypatch.setattr(probing, "_look_at", interrupted)
    services_probe()
    assert Service.objects.get(kind=Service.Kind.LLAMA).state == State.STARTING
    assert Service.objects.get(kind=Service.Kind.QWEN).state == State.READY


def test_each_look_is_kept_for_the_charts_and_old_ones_are_forgotten(node: Node) -> None:
    services_probe()
    assert ServiceSample.objects.filter(state=State.READY).count() == 4
    with time_machine.travel(timezone.now() + probing.SAMPLES * 2):
        probing.forget()
    assert not ServiceSample.objects.exists()


@pytest.fixture
def full(gpu_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch) -> Node:
    """Ready when it was last proven; since then nobody's turn comes within a look."""
    monkeypatch.setattr(probing, "LONGEST", 1.0)
    node = gpu_node(slots=1, pause=1.5)
    Service.objects.update(proven_at=timezone.now() - probing.PROVE_EVERY * 2)
    return node


def test_slots_that_are_full_are_no_outage(full: Node) -> None:
    for _ in range(probing.DOWN_AFTER + 1):
        services_probe()
    llama = Service.objects.get(kind=Service.Kind.LLAMA)
    assert (llama.state, llama.misses) == (State.READY, 0)
    assert llama.error.startswith("busy")


def test_a_service_that_is_busy_for_too_long_is_not_believed(full: Node) -> None:
    with time_machine.travel(timezone.now() + probing.LONGEST_BUSY):
        services_probe()
    assert Service.objects.get(kind=Service.Kind.LLAMA).state == State.DEGRADED


@pytest.mark.django_db
def test_a_node_made_by_hand_is_looked_at_with_its_four_services(settings: Any) -> None:
    settings.GPU_NODE_HOST, settings.GPU_NODE_TOKEN = "127.0.0.1", "by hand"
    settings.GPU_NODE_PORTS = [9001, 9002, 9003, 9004]
    services_probe()
    services_probe()
    node = GpuNode.objects.get()
    assert (node.address, node.inference_token) == ("127.0.0.1", "by hand")
    assert sorted(node.services.values_list("port", flat=True)) == [9001, 9002, 9003, 9004]
