"""Bots among others, and releases that follow one another behind the moving tag."""

import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.conf import settings

from fleet.models import Instance, Node, Operation
from fleet.operations import runner
from sandbox.stack.bot_image import Release, push_release
from sandbox.stack.engine import Engine
from tenants.models import Tenant
from tests.fleet.world import World, inside, run_bot

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[[], Operation]

CONNECT = """
import socket
for address in {addresses!r}:
    try:
        socket.create_connection(address, timeout=2).close()
        print("reached")
    except OSError:
        print("refused")
"""


def test_two_bots_cannot_reach_each_other(
    tenant: Tenant, node: Node, charlie: object, world: World
) -> None:
    inspected = world.inspected(run_bot(tenant, node))
    neighbour = run_bot(Tenant.objects.get(slug="charlie"), node)
    theirs = world.inspected(neighbour)
    own, other = (address_in(container) for container in (inspected, theirs))
    gateway = inspected["NetworkSettings"]["Networks"][settings.WOPR_ENGINE_NETWORK]["Gateway"]
    assert httpx.get(f"http://{neighbour.upstream}/health").status_code == 200
    addresses = [(own, 7437), (other, 7437), (gateway, neighbour.host_port)]

    answers = inside(world, inspected, CONNECT.format(addresses=addresses)).splitlines()

    assert answers == ["reached", "refused", "refused"]


def address_in(container: Any) -> str:
    return str(container["NetworkSettings"]["Networks"][settings.WOPR_ENGINE_NETWORK]["IPAddress"])


def test_the_moving_tag_is_pulled_first_so_that_a_newer_release_runs(
    provision: Open, instance: Instance, world: World
) -> None:
    registry = os.environ["WOPR_STACK_REGISTRY"]
    engine = Engine(os.environ["WOPR_STACK_ENGINE"], is_local=True)
    world.engine.api.pull(instance.image)  # the engine "has" the tag, an older one
    newer = push_release(engine, registry, Release("1.1.0"))
    try:
        runner.run(provision().pk)
    finally:
        push_release(engine, registry, Release())

    assert world.inspected(instance)["Config"]["Image"] == f"{registry}/wopr@{newer}"
    assert httpx.get(f"http://{instance.upstream}/").json()["version"] == "1.1.0"
