"""A bot that ends is started again at once; one that keeps ending is told of, once, until calm."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from fleet import crashes
from fleet.gateways import bot as bots
from fleet.models import Instance, InstanceEvent, Node, Operation
from fleet.observing import node_observe
from tenants.models import Message, Tenant, User
from tenants.tasks import messages_sweep
from tests.fleet.releasing import ask
from tests.fleet.world import World, run_bot
from tests.stack.processes import eventually

pytestmark = pytest.mark.django_db(transaction=True)
Kind = InstanceEvent.Kind


@pytest.fixture(autouse=True)
def three_ends(settings: Any) -> None:
    settings.WOPR_CRASH_ENDS = 3
    settings.WOPR_CRASH_MINUTES = 10
    settings.WOPR_CRASH_CALM_MINUTES = 15


@pytest.fixture
def bot(tenant: Tenant, node: Node, world: World) -> Instance:
    return run_bot(tenant, node)


def end(bot: Instance, world: World, how: str) -> None:
    """The bot ends by itself, and the engine has it back."""
    restarts = world.inspected(bot)["RestartCount"]
    ask(bot, "POST", how).raise_for_status()
    eventually(
        lambda: world.inspected(bot)["RestartCount"] > restarts and bots.is_healthy(bot.upstream),
        f"the bot to be back after {how}",
    )


def look(bot: Instance) -> Instance:
    """What the schedule does: reads the engine's events, and judges them."""
    node_observe(node_id=bot.node_id)
    crashes.watch()
    bot.refresh_from_db()
    return bot


def test_a_bot_that_asks_for_a_restart_gets_it_at_once_and_is_no_crash_loop(
    bot: Instance, world: World
) -> None:
    began = timezone.now()
    for _ in range(3):
        end(bot, world, "/restart")

    assert timezone.now() - began < timedelta(seconds=20)
    assert look(bot).crashing_since is None
    codes = bot.events.filter(kind=Kind.ENDED).values_list("exit_code", flat=True)
    assert list(codes) == [75, 75, 75]


def test_a_crash_loop_is_told_once_to_the_owner_and_to_staff(
    bot: Instance, world: World, staff_client: object
) -> None:
    for _ in range(3):
        end(bot, world, "/crash")

    assert look(bot).crashing_since is not None
    assert look(bot).exit_code == 1
    messages_sweep()

    letters = [mail["subject"] for mail in world.mails(bot)]
    assert letters.count("Your bot alice-co ends again and again") == 1
    [alarm] = world.vendors.messages(to="staff@example.com")
    assert alarm["subject"] == "[WOPR] alice-co ends again and again"
    event = bot.events.get(kind=Kind.CRASH_LOOP)
    assert (event.exit_code, event.message) == (1, "3 ends within 10 minutes")


def test_a_bot_that_keeps_ending_is_started_later_and_later(bot: Instance, world: World) -> None:
    waits = []
    for _ in range(5):
        end(bot, world, "/crash")
        state = world.inspected(bot)["State"]
        ended, started = (state[moment] for moment in ("FinishedAt", "StartedAt"))
        waits.append(datetime.fromisoformat(started) - datetime.fromisoformat(ended))

    # A tenth of a second at first, and twice as long each time; a busy machine only adds to it.
    assert all(wait >= timedelta(seconds=0.1 * 2**n) for n, wait in enumerate(waits)), waits


def test_it_is_calm_again_after_a_while_without_an_end(bot: Instance, world: World) -> None:
    for _ in range(3):
        end(bot, world, "/crash")
    assert look(bot).crashing_since is not None

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16), tick=True):
        crashes.watch()

    bot.refresh_from_db()
    assert bot.crashing_since is None
    assert bot.events.filter(kind=Kind.CALM).count() == 1


# From here on the ends are rows: what counts is how they are judged.


@pytest.fixture
def row(instance: Instance) -> Instance:
    Instance.objects.filter(pk=instance.pk).update(status=Instance.Status.RUNNING)
    return instance


def ends(instance: Instance, *minutes_ago: float, code: int = 1) -> None:
    for minutes in minutes_ago:
        at = timezone.now() - timedelta(minutes=minutes)
        InstanceEvent.objects.create(
            instance=instance, kind=Kind.ENDED, happened_at=at, exit_code=code
        )


def is_crashing(instance: Instance) -> bool:
    crashes.watch()
    instance.refresh_from_db()
    return instance.crashing_since is not None


def test_ends_that_are_far_apart_are_no_loop(row: Instance) -> None:
    ends(row, 1, 9, 11, 20)

    assert not is_crashing(row)


def test_a_bot_that_leaves_without_an_error_again_and_again_is_in_a_loop_too(row: Instance) -> None:
    ends(row, 1, 2, 3, code=0)

    assert is_crashing(row)


def test_ends_that_an_operation_caused_do_not_count(row: Instance) -> None:
    ends(row, 1, 2, 3)
    Operation.objects.create(
        kind="update",
        subject_kind="instance",
        subject_id=row.pk,
        cause="test",
        correlation_id="test",
        state="succeeded",
        started_at=timezone.now() - timedelta(minutes=4),
        finished_at=timezone.now(),
    )

    assert not is_crashing(row)


@pytest.mark.parametrize("status", ["suspended", "stopped", "terminated"])
def test_a_bot_that_is_not_to_run_is_in_no_loop(row: Instance, status: str) -> None:
    ends(row, 1, 2, 3)
    assert is_crashing(row)

    Instance.objects.filter(pk=row.pk).update(status=status)

    assert not is_crashing(row)


def test_a_loop_that_comes_back_the_same_day_is_no_second_letter(
    row: Instance, alice: User
) -> None:
    ends(row, 1, 2, 3)
    assert is_crashing(row)
    Instance.objects.filter(pk=row.pk).update(crashing_since=None)

    assert is_crashing(row)
    assert Message.objects.filter(kind="crashing").count() == 1
