"""Bots among others, and releases that follow one another behind the moving tag."""

import os
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

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


def test_a_bot_reaches_no_port_of_the_platform(tenant: Tenant, node: Node, world: World) -> None:
    inspected = world.inspected(run_bot(tenant, node))
    gateway = inspected["NetworkSettings"]["Networks"][settings.WOPR_ENGINE_NETWORK]["Gateway"]
    parts = [os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "CADDY_ADMIN_URL")]
    ports = {port for part in parts if (port := urlsplit(part).port)}
    assert len(ports) == len(parts)
    for port in ports:  # from here they are reached
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    addresses = [(host, port) for host in (gateway, "127.0.0.1") for port in sorted(ports)]

    answers = inside(world, inspected, CONNECT.format(addresses=addresses)).splitlines()

    assert answers == ["refused"] * len(addresses)


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
