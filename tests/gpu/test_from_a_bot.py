"""A real bot's container asks the gateway for a completion, with what it was given and no more."""

import ipaddress
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from gpu.inference.app import application
from gpu.models import Allowance
from sandbox.stack.completion import ASK
from tenants.models import Tenant
from tests.conftest import free_port
from tests.fleet.world import World, inside, opened_world, run_bot, world
from tests.gpu.conftest import Node, Served, wait_until

__all__ = ["opened_world", "world"]


@pytest.mark.django_db(transaction=True)
def test_a_bot_in_its_container_gets_a_completion_through_the_gateway(
    world: World,
    gpu_node: Callable[..., Node],
    tenant: Tenant,
    node: Any,
    settings: Any,
) -> None:
    gpu_node()
    # The host, as containers see it: the first address of their network.
    host = str(ipaddress.ip_network(os.environ["WOPR_ENGINE_SUBNET"])[1])
    port = free_port() + 300
    settings.WOPR_INFERENCE_URL = f"http://{host}:{port}/v1"
    bot = run_bot(tenant, node)
    gateway = Served(application(), host=host, port=port)
    try:
        answer = json.loads(inside(world, world.inspected(bot), ASK))
        assert answer["choices"][0]["message"]["content"].startswith("the only winning move")
        total = answer["usage"]["total_tokens"]
        wait_until(lambda: Allowance.objects.filter(tokens=total, held=0).exists(), "the books")
    finally:
        gateway.stop()
