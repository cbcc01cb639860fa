"""What happens to a bot's container becomes rows: starts, ends with their codes, lack of memory."""

from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from fleet import observing
from fleet.models import Instance, InstanceEvent, Lookout, Node
from tenants.models import Tenant
from tests.fleet.world import World, run_bot
from wopr.common.errors import ProviderError

pytestmark = pytest.mark.django_db(transaction=True)
Kind = InstanceEvent.Kind


@pytest.fixture
def bot(world: World, tenant: Tenant, node: Node) -> Instance:
    return run_bot(tenant, node)


def seen(bot: Instance) -> list[tuple[str, int | None]]:
    """Kinds and exit codes, oldest first, as another look at the node tells them."""
    observing.node_observe(node_id=bot.node_id)
    events = InstanceEvent.objects.filter(instance=bot).order_by("happened_at", "pk")
    return list(events.values_list("kind", "exit_code"))


def test_starts_and_ends_are_told_with_the_exit_code(bot: Instance, world: World) -> None:
    assert seen(bot) == [(Kind.STARTED, None)]

    world.engine.containers.get(bot.container_name).stop()

    assert seen(bot) == [(Kind.STARTED, None), (Kind.ENDED, 0)]
    bot.refresh_from_db()
    assert bot.exit_code == 0


def test_a_bot_that_asks_to_be_restarted_is_seen_to_end_and_start(
    bot: Instance, world: World
) -> None:
    container = world.engine.containers.get(bot.container_name)
    container.update(restart_policy={"Name": "no"})
    container.kill("SIGKILL")
    container.wait()
    container.start()

    assert seen(bot) == [(Kind.STARTED, None), (Kind.ENDED, 137), (Kind.STARTED, None)]


def test_a_bot_that_lacks_memory_is_told_apart_from_one_that_ended(
    bot: Instance, world: World
) -> None:
    hog = ["python3", "-c", "held = bytearray(512 * 1024 * 1024); print(len(held))"]
    world.engine.containers.get(bot.container_name).exec_run(hog)

    assert (Kind.OUT_OF_MEMORY, None) in seen(bot)


def test_what_is_read_twice_is_one_row(bot: Instance) -> None:
    once = seen(bot)

    Lookout.objects.update(events_until=timezone.now() - timedelta(hours=1))

    assert seen(bot) == once


def test_an_engine_that_is_away_loses_nothing(bot: Instance, world: World) -> None:
    seen(bot)
    engine_url = bot.node.engine_url
    Node.objects.update(engine_url="unix:///nonexistent/docker.sock")
    world.engine.containers.get(bot.container_name).stop()
    with pytest.raises(ProviderError):
        observing.node_observe(node_id=bot.node_id)
    Node.objects.update(engine_url=engine_url)

    assert seen(bot)[-1] == (Kind.ENDED, 0)


def test_a_node_is_looked_at_by_one_worker_at_a_time(bot: Instance) -> None:
    Lookout.objects.create(node=bot.node, held_until=timezone.now() + timedelta(minutes=1))
    observing.node_observe(node_id=bot.node_id)
    assert not InstanceEvent.objects.exists()

    Lookout.objects.update(held_until=timezone.now())
    observing.node_observe(node_id=bot.node_id)
    assert InstanceEvent.objects.filter(kind=Kind.STARTED).exists()


def test_containers_of_others_make_no_rows(bot: Instance, world: World) -> None:
    image = world.inspected(bot)["Config"]["Image"]
    world.engine.containers.run(image, ["-c", "pass"], entrypoint="python3", remove=True)

    assert seen(bot) == [(Kind.STARTED, None)]
    assert not InstanceEvent.objects.filter(~Q(instance=bot)).exists()


def test_old_events_are_forgotten(bot: Instance, settings: object) -> None:
    seen(bot)
    long_ago = timezone.now() - timedelta(days=91)
    InstanceEvent.objects.create(instance=bot, kind=Kind.ENDED, happened_at=long_ago)

    observing.events_forget()

    assert [kind for kind, _ in seen(bot)] == [Kind.STARTED]
