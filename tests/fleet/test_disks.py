"""What a bot keeps against what its plan gives: the warning, the stop, and the way back."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from billing.models import Entitlement, Plan
from fleet import disks, lifecycle
from fleet.models import Instance, InstanceEvent, Node, Operation
from fleet.models.instance import Instance as Bot
from tenants.models import Message, Tenant, User
from tenants.services import tenant_create
from tests.fleet.lives import done, living_bot, visit
from tests.fleet.world import World, inside
from wopr.common.errors import Refused
from wopr.common.models import Breaker

pytestmark = pytest.mark.django_db(transaction=True)
MB = 1_000_000
Disk, Status = Instance.Disk, Instance.Status


@pytest.fixture
def bot(world: World, tenant: Tenant, node: Node, plan: Plan) -> Instance:
    return living_bot(tenant, node, plan)


def keeps(world: World, bot: Instance, size: int) -> Instance:
    """The bot keeps about so many bytes, and its node is measured."""
    container = world.engine.containers.get(bot.container_name)
    was_stopped = container.status != "running"
    if was_stopped:
        container.start()
    inside(world, world.inspected(bot), f"open('/data/memory', 'wb').truncate({size})")
    if was_stopped:
        container.stop()
    return measured(bot)


def measured(bot: Instance) -> Instance:
    disks.node_measure(node_id=bot.node_id)
    bot.refresh_from_db()
    return bot


def enforced(bot: Instance) -> list[str]:
    """The kinds of operations that the next enforcement opened, all of them worked off."""
    opened = disks.enforce()
    for operation in opened:
        done(operation)
    bot.refresh_from_db()
    return [operation.kind for operation in opened]


def letters(bot: Instance) -> list[str]:
    kinds = (Message.Kind.DISK_NEARLY_FULL, Message.Kind.DISK_FULL)
    sent = Message.objects.filter(tenant=bot.tenant, kind__in=kinds).order_by("created_at")
    return list(sent.values_list("kind", flat=True))


def events(bot: Instance) -> list[str]:
    about = bot.events.filter(kind__startswith="disk").order_by("happened_at", "pk")
    return list(about.values_list("kind", flat=True))


def test_what_a_bot_keeps_is_measured(bot: Instance, world: World) -> None:
    keeps(world, bot, 300 * MB)

    assert bot.disk_used is not None
    assert 300 * MB <= bot.disk_used < 310 * MB
    assert bot.disk_state == Disk.FINE
    assert bot.disk_seen_at
    assert (events(bot), letters(bot)) == ([], [])


def test_its_owner_is_warned_once_before_it_is_full(bot: Instance, world: World) -> None:
    keeps(world, bot, 850 * MB)
    measured(bot)

    assert bot.disk_state == Disk.NEARLY_FULL
    assert letters(bot) == ["disk_nearly_full"]
    assert events(bot) == ["disk_nearly_full"]
    assert "0.85 GB of 1 GB" in Message.objects.get(kind="disk_nearly_full").text
    assert enforced(bot) == []


def test_a_full_bot_is_stopped_behind_a_page_that_says_why(bot: Instance, world: World) -> None:
    keeps(world, bot, 1001 * MB)

    assert enforced(bot) == ["stop_full"]

    assert bot.status == Status.STOPPED
    assert bot.desired == Instance.Desired.RUNNING
    assert not world.inspected(bot)["State"]["Running"]
    page = visit(bot)
    assert (page.status_code, "disk of this bot is full" in page.text) == (507, True)
    assert letters(bot) == ["disk_full"]
    assert enforced(bot) == []


def test_a_bot_that_got_room_runs_again_by_itself(
    bot: Instance, world: World, tenant: Tenant
) -> None:
    keeps(world, bot, 1001 * MB)
    enforced(bot)
    Entitlement.objects.filter(tenant=tenant).update(disk_gb=2)

    measured(bot)

    assert bot.disk_gb == 2
    assert enforced(bot) == ["start"]
    assert bot.status == Status.RUNNING
    assert visit(bot).status_code == 200
    assert events(bot) == ["disk_full", "disk_fine"]


def test_its_owner_has_an_hour_to_clean_up(bot: Instance, world: World, api: APIClient) -> None:
    keeps(world, bot, 1001 * MB)
    enforced(bot)
    address = f"/api/v1/instances/{bot.pk}/disk/grace"

    assert api.post(address).status_code == 200
    done(Operation.objects.get(kind="start"))
    assert visit(bot).status_code == 200
    assert enforced(bot) == []

    again = api.post(address)
    assert (again.status_code, again.json()["code"]) == (409, "grace_used")
    keeps(world, bot, 100 * MB)
    Instance.objects.update(disk_grace_until=timezone.now())
    assert enforced(bot) == []
    assert bot.status == Status.RUNNING


def test_a_bot_that_is_still_full_after_the_hour_is_stopped_again(
    bot: Instance, world: World
) -> None:
    keeps(world, bot, 1001 * MB)
    disks.grace_grant(instance=bot, cause="test", by_staff=False)
    assert enforced(bot) == []

    Instance.objects.update(disk_grace_until=timezone.now() - timedelta(seconds=1))

    assert enforced(bot) == ["stop_full"]
    staff_again = disks.grace_grant(instance=bot, cause="test", by_staff=True)
    assert staff_again
    assert staff_again.kind == "start"


def test_a_full_bot_is_not_started_by_hand(bot: Instance, world: World) -> None:
    keeps(world, bot, 1001 * MB)
    enforced(bot)

    with pytest.raises(Refused, match="clean up, or choose a plan with more room") as refusal:
        lifecycle.operation_open(kind="start", instance=bot, cause="test")

    assert refusal.value.code == "disk_full"


def test_a_bot_that_its_owner_stopped_is_not_started_for_its_disk(
    bot: Instance, world: World
) -> None:
    done(lifecycle.operation_open(kind="stop", instance=bot, cause="test"))
    keeps(world, bot, 1001 * MB)
    assert enforced(bot) == []

    keeps(world, bot, 10 * MB)
    assert enforced(bot) == []
    assert bot.status == Status.STOPPED


def test_where_the_policy_is_to_warn_nothing_is_stopped(
    bot: Instance, world: World, settings: Any
) -> None:
    settings.WOPR_DISK_POLICY = "warn"
    keeps(world, bot, 1001 * MB)

    assert enforced(bot) == []
    assert letters(bot) == ["disk_full"]
    assert "It runs on for now" in Message.objects.get(kind="disk_full").text


def test_a_measure_that_would_stop_too_many_stops_none_and_asks(
    bot: Instance, node: Node, settings: Any
) -> None:
    settings.WOPR_BREAKER_COUNT = 1
    for number in range(4):
        owner = User.objects.create_user(f"owner{number}@example.com")
        other = tenant_create(owner=owner, slug=f"other-{number}", name="Other")
        Bot.objects.create(
            tenant=other, slug=other.slug, node=node, image=bot.image, memory_mb=1, cpu_millis=1,
            pids=1, disk_gb=1, host_port=number + 1, status=Status.RUNNING, disk_state=Disk.FULL,
        )  # fmt: skip

    assert disks.enforce() == []
    assert "stop_full" in Breaker.objects.get().message


@pytest.mark.parametrize(
    ("used", "before", "state"),
    [
        (0, Disk.FINE, Disk.FINE),
        (799, Disk.FINE, Disk.FINE),
        (800, Disk.FINE, Disk.NEARLY_FULL),
        (760, Disk.NEARLY_FULL, Disk.NEARLY_FULL),
        (749, Disk.NEARLY_FULL, Disk.FINE),
        (999, Disk.FULL, Disk.NEARLY_FULL),
        (1000, Disk.NEARLY_FULL, Disk.FULL),
    ],
)
def test_a_warning_does_not_flutter(used: int, before: Any, state: Any) -> None:
    assert disks.state_of(used, 1000, before=before) == state


def test_without_a_known_limit_nothing_is_full() -> None:
    assert disks.state_of(10**12, 0, before=Disk.FINE) == Disk.FINE


def test_events_of_the_disk_are_kept_with_the_amounts(bot: Instance, world: World) -> None:
    keeps(world, bot, 1001 * MB)

    event = InstanceEvent.objects.get(kind="disk_full")
    assert event.message == "1.00 GB of 1 GB"
