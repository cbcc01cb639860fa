"""What differs between a machine and the rows is written down, while it is there."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest
from django.conf import settings
from django.utils import timezone

from fleet import drift
from fleet.models import Drift, Instance, Node, Release
from fleet.operations import ledger
from sandbox.stack.engines import OtherMachine
from tenants.models import Tenant
from tests.fleet.world import World, run_bot

pytestmark = pytest.mark.django_db(transaction=True)
Kind = Drift.Kind


def look(node: Node) -> dict[str, Drift]:
    """What is open on the node after a pass, by what it is about; other people's things aside."""
    assert drift.node_compare(node_id=node.pk) is not None
    found = Drift.objects.filter(node=node, resolved_at=None).select_related("instance")
    ours = found.exclude(instance=None, kind__in=("unknown_container", "unknown_volume"))
    return {row.kind: row for row in ours}


@pytest.fixture
def bot(tenant: Tenant, node: Node, world: World) -> Instance:
    return run_bot(tenant, node)


def rows_say(bot: Instance, **change: Any) -> None:
    Instance.objects.filter(pk=bot.pk).update(**change)


def test_a_bot_that_is_as_it_should_be_is_no_difference(bot: Instance) -> None:
    assert look(bot.node) == {}

    bot.node.refresh_from_db()
    assert bot.node.seen_at is not None
    bot.refresh_from_db()
    assert bot.inspected_at is not None


def by_hand(act: Callable[[World, Instance], object], kind: str, wanted: str, seen: str) -> Any:
    return pytest.param(act, kind, wanted, seen, id=kind)


def remade(world: World, bot: Instance, **change: Any) -> None:
    """Somebody makes the bot's container again, a little differently."""
    api, name = world.engine.api, bot.container_name
    config = world.inspected(bot)["Config"]
    api.remove_container(name, force=True)
    options = {"labels": config["Labels"], "image": config["Image"], **change}
    host = api.create_host_config(binds={bot.volume_name: {"bind": "/data"}}, init=True)
    api.create_container(name=name, host_config=host, environment=config["Env"], **options)
    api.start(name)


def other_image(world: World, bot: Instance) -> None:
    remade(world, bot, image=os.environ["WOPR_BOT_IMAGE"])


@pytest.mark.parametrize(
    ("act", "kind", "wanted", "seen"),
    [
        by_hand(
            lambda world, bot: world.engine.api.remove_container(bot.container_name, force=True),
            Kind.MISSING,
            "running",
            "no such container",
        ),
        by_hand(
            lambda world, bot: world.engine.api.kill(bot.container_name),
            Kind.STOPPED,
            "running",
            "Exited (137)",
        ),
        by_hand(
            lambda world, bot: rows_say(bot, status="stopped"),
            Kind.RUNNING_THOUGH_STOPPED,
            "stopped",
            "running",
        ),
        by_hand(
            lambda world, bot: rows_say(bot, status="suspended"),
            Kind.RUNNING_THOUGH_SUSPENDED,
            "suspended",
            "running",
        ),
        by_hand(other_image, Kind.WRONG_DIGEST, "@sha256:", ":latest"),
        by_hand(
            lambda world, bot: world.engine.api.update_container(
                bot.container_name, mem_limit="300m", memswap_limit="300m"
            ),
            Kind.WRONG_LIMITS,
            "memory_mb=256",
            "memory_mb=300",
        ),
        by_hand(
            lambda world, bot: rows_say(bot, host_port=bot.host_port + 1),
            Kind.WRONG_PORT,
            "127.0.0.1:",
            "127.0.0.1:",
        ),
        by_hand(
            lambda world, bot: remade(
                world, bot, labels={**world.inspected(bot)["Config"]["Labels"], "wopr.tenant": "x"}
            ),
            Kind.WRONG_LABELS,
            "wopr.tenant=",
            "wopr.tenant=x",
        ),
    ],
)
def test_a_difference_is_written_down_once_with_what_is_wanted_and_what_is_seen(
    act: Callable[[World, Instance], object],
    kind: str,
    wanted: str,
    seen: str,
    *,
    bot: Instance,
    world: World,
) -> None:
    began = timezone.now()
    act(world, bot)

    first = look(bot.node)[kind]
    again = look(bot.node)[kind]

    assert again.pk == first.pk
    assert (first.instance, first.resource) == (bot, bot.container_name)
    assert wanted in first.wanted
    assert seen in first.seen
    assert began <= first.first_seen_at == again.first_seen_at < again.last_seen_at


def test_a_bot_whose_data_is_gone_is_told_apart_from_one_without_a_container(
    bot: Instance, world: World
) -> None:
    world.engine.api.remove_container(bot.container_name, force=True)
    world.engine.api.remove_volume(bot.volume_name)

    assert set(look(bot.node)) == {Kind.MISSING, Kind.VOLUME_MISSING}


def test_a_difference_that_is_gone_is_resolved_and_a_new_one_is_another_row(
    bot: Instance, world: World
) -> None:
    for _ in range(2):
        world.engine.api.kill(bot.container_name)
        assert set(look(bot.node)) == {Kind.STOPPED}
        world.engine.api.start(bot.container_name)
        assert look(bot.node) == {}

    assert Drift.objects.filter(kind=Kind.STOPPED, resolved_at__isnull=False).count() == 2


def test_what_an_operation_has_in_hand_is_not_judged(bot: Instance, world: World) -> None:
    world.engine.api.kill(bot.container_name)
    ledger.operation_open(kind="repair", subject=bot, tenant=bot.tenant, cause="test")

    assert look(bot.node) == {}


def test_what_lies_about_with_our_label_and_without_a_bot_costs_something(
    bot: Instance, world: World
) -> None:
    rows_say(bot, status="terminated", disk_used=2 * 1024**3)

    found = look(bot.node)

    running = found[Kind.RUNNING_THOUGH_ELSEWHERE]
    assert running.wanted == "nothing: alice-co was deleted"
    assert running.cost_per_day == settings.WOPR_COST_MEMORY_GB_DAY / 4
    assert found[Kind.UNKNOWN_VOLUME].resource == bot.volume_name
    assert found[Kind.UNKNOWN_VOLUME].cost_per_day == settings.WOPR_COST_DISK_GB_DAY * 2


@pytest.fixture
def strangers(there: docker.APIClient, far: Node) -> Iterator[dict[str, str]]:
    """On a machine of its own: a volume of nobody's, one of another deployment, one of ours."""
    labels = {
        "nobodys": {},
        "anothers": {"wopr.deployment": "somebody-else"},
        "ours": {"wopr.deployment": settings.WOPR_DEPLOYMENT, "wopr.instance": "unknown"},
    }
    for name, carried in labels.items():
        there.create_volume(name, labels=carried)
    return {name: name for name in labels}


def test_what_carries_no_label_of_ours_is_reported_and_anothers_is_none_of_our_business(
    strangers: dict[str, str], far: Node
) -> None:
    drift.node_compare(node_id=far.pk)

    found = Drift.objects.filter(node=far, kind=Kind.UNKNOWN_VOLUME)
    assert set(found.values_list("resource", flat=True)) == {"nobodys", "ours"}
    assert set(found.values_list("instance", "cost_per_day")) == {(None, 0)}


def test_a_machine_that_does_not_answer_is_noted_once_and_its_bots_are_not_judged(
    far: Node, machine: OtherMachine, tenant: Tenant, staff_client: object, world: World
) -> None:
    bot = Instance.objects.create(
        tenant=tenant,
        slug="alice-co",
        node=far,
        status="running",
        image="x",
        release=Release.objects.create(image="x", digest="x@sha256:0"),
        memory_mb=256,
        cpu_millis=500,
        pids=64,
        disk_gb=1,
        host_port=20001,
    )
    Node.objects.filter(pk=far.pk).update(engine_url=far.engine_url.replace(":2376", ":1"))

    for _ in range(2):
        assert drift.node_compare(node_id=far.pk) is None

    far.refresh_from_db()
    assert far.unreachable_since is not None
    assert not Drift.objects.filter(instance=bot).exists()
    told = world.vendors.messages(to="staff@example.com")
    assert [mail["subject"] for mail in told] == ["[WOPR] The machine far does not answer"]

    Node.objects.filter(pk=far.pk).update(engine_url=machine.tls_url)
    assert set(look(far)) == {Kind.MISSING, Kind.VOLUME_MISSING}
    far.refresh_from_db()
    assert far.unreachable_since is None


def test_the_number_of_calls_to_the_engine_does_not_grow_with_the_bots(
    bot: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    calls: list[str] = []
    send = docker.APIClient.send
    monkeypatch.setattr(
        docker.APIClient, "send", lambda api, r, **kw: calls.append(r.url) or send(api, r, **kw)
    )
    config = {f.attname: getattr(bot, f.attname) for f in Instance._meta.concrete_fields}
    for number in range(2):
        for copy in range(20):
            Instance.objects.create(
                **config
                | {
                    "id": None,
                    "pk": bot.pk.__class__(int=number * 100 + copy + 1),
                    "slug": f"copy-{number}-{copy}",
                    "host_port": 40000 + number * 100 + copy,
                }
            )
        calls.clear()
        drift.node_compare(node_id=bot.node_id)
        counts.append(len(calls))

    assert counts[0] == counts[1] <= 2 + drift.INSPECTED
