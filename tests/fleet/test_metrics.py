"""What bots use of their machine: read for a whole node at once, kept, thinned out."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

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


def kept(instance: Instance, at: datetime, **values: Any) -> Sample:
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


# --- by the API ---


def metrics(api: APIClient, instance: Instance, since: datetime) -> dict[str, Any]:
    answer = api.get(f"/api/v1/instances/{instance.pk}/metrics", {"since": since.isoformat()})
    assert answer.status_code == 200
    return dict(answer.json())


def test_a_chart_gets_rates_of_counters_beside_the_limits(
    api: APIClient, instance: Instance
) -> None:
    start = timezone.now() - timedelta(minutes=3)
    kept(instance, start, received=1000, sent=100)
    kept(instance, start + timedelta(seconds=60), received=7000, sent=700)
    kept(instance, start + timedelta(seconds=120), received=600, sent=0, disk=5)

    reading = metrics(api, instance, start - timedelta(minutes=1))

    assert [p["received_rate"] for p in reading["points"]] == [0, 100, 10]
    assert [p["sent_rate"] for p in reading["points"]] == [0, 10, 0]
    assert [p["disk"] for p in reading["points"]] == [None, None, 5]
    assert reading["memory_limit"] == 256 * MB
    assert reading["cpu_limit_millis"] == 500


def test_a_long_time_is_as_few_points_as_a_short_one(api: APIClient, instance: Instance) -> None:
    now = timezone.now()
    Sample.objects.bulk_create(
        Sample(
            instance=instance,
            taken_at=now - timedelta(minutes=minute),
            cpu_millis=minute % 2 * 200,
            memory=MB,
            received=0,
            sent=0,
        )
        for minute in range(24 * 60)
    )

    reading = metrics(api, instance, now - timedelta(hours=23, minutes=30))

    assert 200 <= len(reading["points"]) <= 242
    assert reading["step"] == 360  # whole half minutes: 352.5 would be enough
    assert {p["cpu_millis"] for p in reading["points"][1:-1]} == {100}


def test_a_time_that_is_none_is_refused(api: APIClient, instance: Instance) -> None:
    answer = api.get(f"/api/v1/instances/{instance.pk}/metrics", {"since": "yesterday"})

    assert answer.status_code == 400
    assert "since" in answer.json()["fields"]


def test_events_come_newest_first(api: APIClient, instance: Instance) -> None:
    now = timezone.now()
    instance.events.create(kind="started", happened_at=now - timedelta(minutes=1))
    instance.events.create(kind="ended", happened_at=now, exit_code=1)

    shown = api.get(f"/api/v1/instances/{instance.pk}/events").json()

    assert [(e["kind"], e["exit_code"]) for e in shown] == [("ended", 1), ("started", None)]
