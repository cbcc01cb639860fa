"""What bots use of their machine: read for a whole node at once, kept, thinned out."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from fleet import observing
from fleet.models import Instance, Node, Sample
from tenants.models import Tenant
from tests.fleet.world import World, inside, run_bot

pytestmark = pytest.mark.django_db(transaction=True)
MB = 1024 * 1024
BUSY = "import time; e = time.monotonic() + 2\nwhile time.monotonic() < e: pass"


@pytest.fixture
def bot(world: World, tenant: Tenant, node: Node) -> Instance:
    return run_bot(tenant, node)


def sampled(bot: Instance) -> Sample:
    """The newest sample after another look at the node."""
    observing.read_uses(bot.node)
    return bot.samples.latest("taken_at")


def test_a_sample_says_what_a_bot_uses(bot: Instance, world: World) -> None:
    first = sampled(bot)
    inside(world, world.inspected(bot), BUSY)
    second = sampled(bot)

    assert 5 * MB < second.memory < bot.memory_mb * MB
    # Its limit is half a CPU, and it was busy for most of the time between the two.
    assert 150 <= second.cpu_millis <= 600
    assert second.cpu_ns > first.cpu_ns
    assert second.received > 0


def test_the_memory_of_a_bot_is_what_it_holds_and_not_what_the_kernel_keeps_of_files(
    bot: Instance, world: World
) -> None:
    before = sampled(bot).memory
    inside(world, world.inspected(bot), f"open('/data/big', 'wb').write(bytes({60 * MB}))")

    assert sampled(bot).memory - before < 30 * MB


def test_a_restart_does_not_turn_into_a_negative_or_giant_use(bot: Instance, world: World) -> None:
    inside(world, world.inspected(bot), BUSY)
    sampled(bot)
    world.engine.containers.get(bot.container_name).restart()

    assert 0 <= sampled(bot).cpu_millis <= 1000


def test_a_bot_that_does_not_run_is_left_out_and_the_others_are_not(
    bot: Instance, world: World, tenant: Tenant
) -> None:
    absent = Instance.objects.get(pk=bot.pk)
    absent.pk, absent.slug, absent.host_port = None, "absent", bot.host_port + 1
    absent._state.adding = True
    absent.save()

    observing.read_uses(bot.node)

    assert Sample.objects.get().instance == bot


def test_a_recent_measure_of_the_disk_goes_with_the_sample_and_an_old_one_does_not(
    bot: Instance,
) -> None:
    Instance.objects.update(disk_used=5 * MB, disk_seen_at=timezone.now())
    assert sampled(bot).disk == 5 * MB

    Instance.objects.update(disk_seen_at=timezone.now() - timedelta(hours=1))
    assert sampled(bot).disk is None


# --- retention ---


def kept(instance: Instance, at: datetime, **values: int) -> Sample:
    some = {"cpu_millis": 100, "memory": 10 * MB, "received": 1, "sent": 1, **values}
    return Sample.objects.create(instance=instance, taken_at=at, **some)


def test_older_samples_are_thinned_out_to_one_an_hour_with_the_hours_mean(
    instance: Instance,
) -> None:
    hour = (timezone.now() - timedelta(days=3)).replace(minute=0, second=0, microsecond=0)
    for minute, cpu in ((1, 100), (20, 200), (59, 600)):
        kept(instance, hour + timedelta(minutes=minute), cpu_millis=cpu, received=minute)

    observing.samples_thin()

    left = Sample.objects.get()
    assert (left.cpu_millis, left.memory, left.received) == (300, 10 * MB, 59)
    observing.samples_thin()
    assert Sample.objects.get() == left


def test_recent_samples_are_all_kept_and_ancient_ones_are_not(instance: Instance) -> None:
    now = timezone.now()
    recent = [kept(instance, now - timedelta(hours=47, seconds=s)) for s in (0, 30, 60)]
    kept(instance, now - timedelta(days=31))

    observing.samples_thin()

    assert set(Sample.objects.all()) == set(recent)
