"""The node that GPU_NODE_HOST names, as long as it does."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gpu.models import GpuNode, ServiceSample
from gpu.tasks import services_probe
from sandbox.inference.services import Machine, service
from tests.gpu.conftest import Served, wait_until


@pytest.mark.django_db(transaction=True)
def test_a_node_made_by_hand_that_is_taken_out_of_the_settings_is_asked_nothing_more(
    gateway: Callable[[], str], bot: dict[str, str], settings: Any
) -> None:
    machine = Machine(token="by hand")
    served = Served(service(machine))
    try:
        settings.GPU_NODE_HOST, settings.GPU_NODE_TOKEN = "127.0.0.1", "by hand"
        settings.GPU_NODE_PORTS = [served.port] * 4
        services_probe()
        url = gateway()
        assert asked(url, bot) == 200
        settings.GPU_NODE_HOST = ""
        services_probe()
        wait_until(lambda: asked(url, bot) == 503, "the gateway to know")
        seen = ServiceSample.objects.count()
        services_probe()
        assert ServiceSample.objects.count() == seen
        assert GpuNode.objects.get().stage == GpuNode.Stage.GONE

        settings.GPU_NODE_HOST = "127.0.0.1"
        services_probe()
        services_probe()
        wait_until(lambda: asked(url, bot) == 200, "the gateway to know again")
    finally:
        served.stop()


def asked(url: str, bot: dict[str, str]) -> int:
    return httpx.post(f"{url}/v1/embeddings", json={"input": "ok"}, headers=bot).status_code
