"""Provisioning on real parts: running means seen running, and failed means nothing is left."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from billing.models import Plan
from fleet.models import Instance, Node, Operation, Step
from fleet.operations import runner
from fleet.operations.runner import MAX_ATTEMPTS
from fleet.operations.steps.containers import WaitHealthy
from fleet.operations.steps.reach import VerifyPublic
from fleet.services import instance_retry
from sandbox.stack.bot_image import Release, push_release
from sandbox.stack.engine import Engine
from sandbox.stack.front_door import front_door
from tenants.models import Message
from tenants.tasks import messages_sweep
from tests.fleet.lives import pay
from tests.fleet.toys import ran, row
from tests.fleet.world import NOTHING_OUTSIDE, ONE_OF_EACH, World

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[[], Operation]
NOWHERE = "127.0.0.1:1"


def ended(operation: Operation) -> Operation:
    """The operation after workers took it up whenever it was due, until it ended."""
    deadline = time.monotonic() + 90
    ran(operation)
    while operation.is_live:
        assert time.monotonic() < deadline, f"still {operation.state}: {told(operation)}"
        ran(operation)
    return operation


def told(operation: Operation) -> list[tuple[str, str, str]]:
    return list(operation.steps.values_list("name", "state", "message"))


def assert_nothing_left(world: World, instance: Instance) -> None:
    instance.refresh_from_db()
    assert instance.status == Instance.Status.FAILED
    assert instance.container_id == ""
    assert world.counted(instance) == {**NOTHING_OUTSIDE, "documents": 0, "mails": 0}


def assert_running(world: World, instance: Instance) -> None:
    instance.refresh_from_db()
    assert instance.status == Instance.Status.RUNNING
    assert world.counted(instance) == ONE_OF_EACH
    assert world.routes(instance.hostname) == [instance.upstream]


def test_one_run_makes_a_running_bot_with_one_of_each(
    provision: Open, instance: Instance, world: World
) -> None:
    operation = provision()

    runner.run(operation.pk)

    operation.refresh_from_db()
    assert operation.state == Operation.State.SUCCEEDED, told(operation)
    assert_running(world, instance)
    assert instance.healthy_at
    assert instance.provider_ready is False
    with front_door(os.environ["WOPR_EDGE_CA_FILE"]) as browser:
        assert browser.get(instance.url).json()["name"] == "wopr"
    [mail] = world.mails(instance)
    assert mail["attachments"]


def test_a_bot_does_not_count_as_running_before_its_public_name_answers(
    provision: Open,
    instance: Instance,
    world: World,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(VerifyPublic, "patience", 0.0)
    edge, settings.WOPR_EDGE_PROBE_ADDRESS = settings.WOPR_EDGE_PROBE_ADDRESS, NOWHERE
    operation = ran(provision())

    instance.refresh_from_db()
    assert instance.healthy_at
    assert instance.status == Instance.Status.STARTING
    assert row(operation, "verify_public").message == f"{instance.url} does not answer yet"
    assert not world.mails(instance)

    settings.WOPR_EDGE_PROBE_ADDRESS = edge
    assert ended(operation).state == Operation.State.SUCCEEDED
    assert_running(world, instance)


@contextmanager
def released(release: Release) -> Iterator[None]:
    """This release is behind the moving tag; afterwards the first one is again."""
    engine = Engine(os.environ["WOPR_STACK_ENGINE"], is_local=True)
    push_release(engine, os.environ["WOPR_STACK_REGISTRY"], release)
    try:
        yield
    finally:
        push_release(engine, os.environ["WOPR_STACK_REGISTRY"], Release())


def test_a_release_that_never_gets_healthy_leaves_nothing_and_a_mended_one_runs(
    provision: Open,
    instance: Instance,
    plan: Plan,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(WaitHealthy, "deadline", 0.0)
    monkeypatch.setattr(WaitHealthy, "patience", 1.0)
    with released(Release("1.2.0", healthy=False)):
        operation = ended(provision())

    assert operation.state == Operation.State.FAILED
    assert operation.error.startswith("wait_healthy: the bot does not answer yet after")
    assert_nothing_left(world, instance)

    monkeypatch.setattr(WaitHealthy, "deadline", 60.0)
    pay(instance.tenant, plan)
    assert ended(instance_retry(instance=instance, cause="test")).state == "succeeded"
    assert_running(world, instance)


def test_an_image_that_is_not_there_is_named_and_leaves_nothing(
    provision: Open, instance: Instance, world: World
) -> None:
    missing = f"{os.environ['WOPR_STACK_REGISTRY']}/nobody:latest"
    Instance.objects.filter(pk=instance.pk).update(image=missing)

    operation = ran(provision())

    assert operation.state == Operation.State.FAILED
    assert operation.error.startswith(f"pull_image: The image {missing} could not be pulled")
    assert_nothing_left(world, instance)


def test_an_engine_that_is_away_is_named_and_waited_for(
    provision: Open, instance: Instance, node: Node, world: World
) -> None:
    there = node.engine_url
    Node.objects.filter(pk=node.pk).update(engine_url="unix:///nonexistent/docker.sock")
    operation = ran(provision(), times=3)

    assert operation.state == Operation.State.RUNNING
    step = row(operation, "pull_image")
    assert step.state == Step.State.WAITING
    assert "The engine at unix:///nonexistent/docker.sock cannot be reached" in step.message

    Node.objects.filter(pk=node.pk).update(engine_url=there)
    assert ended(operation).state == Operation.State.SUCCEEDED
    assert_running(world, instance)


def test_a_volume_of_our_name_that_is_not_ours_is_left_alone(
    provision: Open, instance: Instance, world: World
) -> None:
    ours = {"wopr.deployment": os.environ["WOPR_DEPLOYMENT"]}
    world.engine.api.create_volume(
        instance.volume_name, labels={**ours, "wopr.instance": "another"}
    )

    operation = ran(provision())

    assert operation.state == Operation.State.FAILED
    assert "was not made for this instance; it was left alone" in operation.error
    assert world.engine.api.inspect_volume(instance.volume_name)
    assert not operation.leaks.exists()


def test_a_container_of_our_name_that_is_not_ours_is_left_alone(
    provision: Open, instance: Instance, world: World
) -> None:
    world.engine.api.pull(instance.image)
    labels = {"wopr.deployment": os.environ["WOPR_DEPLOYMENT"]}
    foreign = world.engine.api.create_container(
        instance.image, name=instance.container_name, labels=labels
    )

    operation = ran(provision())

    assert operation.state == Operation.State.FAILED
    assert "was not made for this instance; it was left alone" in operation.error
    assert world.engine.api.inspect_container(foreign["Id"])
    assert not operation.leaks.exists()
    assert world.volumes(instance) == []


def test_a_port_that_another_program_holds_is_stepped_over(
    provision: Open, instance: Instance, world: World
) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", instance.host_port))
        other.listen()

        operation = ended(provision())

        assert operation.state == Operation.State.SUCCEEDED, operation.error
        taken = instance.host_port
        assert_running(world, instance)
        assert instance.host_port > taken
        published = world.inspected(instance)["NetworkSettings"]["Ports"]["7437/tcp"]
        assert published == [{"HostIp": "127.0.0.1", "HostPort": str(instance.host_port)}]


def test_an_edge_that_is_away_is_waited_for(
    provision: Open, instance: Instance, world: World, settings: Any
) -> None:
    edge, settings.CADDY_ADMIN_URL = settings.CADDY_ADMIN_URL, f"http://{NOWHERE}"
    operation = ran(provision())

    assert row(operation, "publish_route").state == Step.State.WAITING
    assert "Caddy did not answer" in row(operation, "publish_route").message

    settings.CADDY_ADMIN_URL = edge
    assert ended(operation).state == Operation.State.SUCCEEDED
    assert_running(world, instance)


def test_a_name_that_is_somebody_elses_in_dns_stops_the_bot_and_is_left_alone(
    provision: Open, instance: Instance, world: World
) -> None:
    foreign = world.record_add(name=instance.hostname, type="A", content="198.51.100.7", ttl=60)

    operation = ran(provision())

    assert operation.state == Operation.State.FAILED
    assert "already has a A record that WOPR did not make (198.51.100.7)" in operation.error
    assert "Remove it or choose another name" in operation.error
    assert [record["id"] for record in world.records(instance.hostname)] == [foreign]
    assert world.containers(instance) == world.volumes(instance) == []
    assert world.routes(instance.hostname) == []


def test_a_record_that_was_made_though_the_answer_never_came_is_not_made_twice(
    provision: Open, instance: Instance, world: World
) -> None:
    world.vendors.add_fault(
        "cloudflare", "timeout_after", method="POST", path="*/dns_records", seconds=0.5
    )

    operation = ended(provision())

    assert operation.state == Operation.State.SUCCEEDED
    assert_running(world, instance)


def test_a_mail_server_that_is_down_keeps_no_bot_from_running(
    provision: Open, instance: Instance, world: World
) -> None:
    world.vendors.add_fault("mailbox", "status", method="MAIL", status=451, times=None)
    operation = ran(provision())
    instance.refresh_from_db()
    assert instance.status == Instance.Status.RUNNING

    ran(operation, times=MAX_ATTEMPTS)
    assert operation.state == Operation.State.SUCCEEDED
    assert row(operation, "send_welcome").state == Step.State.FAILED
    assert "The message did not go out" in row(operation, "send_welcome").message
    assert world.mails(instance) == []

    world.vendors.clear()
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        messages_sweep()
    [mail] = world.mails(instance)
    assert mail["message_id"] == Message.objects.get().message_id
