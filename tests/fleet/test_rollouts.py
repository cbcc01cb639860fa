"""A release reaches the bots by canary and waves; a bot that gets worse goes back and halts it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from fleet import release_services, rollouts, turns, updates
from fleet.models import Instance, Node, Operation, Release, Rollout, RolloutMember
from tenants.models import Tenant
from tenants.services import tenant_create
from tests.conftest import free_port
from wopr.common.errors import Refused

pytestmark = pytest.mark.django_db(transaction=True)
Member = RolloutMember.State
Bots = list[Instance]
OLD, NEW, NEWER = ("bot@sha256:" + letter * 64 for letter in "abc")
IMAGE = "bot:latest"


@pytest.fixture
def old() -> Release:
    return seen(OLD, state=Release.State.GOOD)


@pytest.fixture
def bots(tenant: Tenant, node: Node, old: Release, settings: Any) -> Bots:
    """Ten bots, as rows that say that they run."""
    settings.WOPR_ROLLOUT_CANARIES = 2
    settings.WOPR_ROLLOUT_WAVES = [25, 100]
    settings.WOPR_ROLLOUT_AT_ONCE = 100
    settings.WOPR_ROLLOUT_SOAK_MINUTES = 15
    return [bot_of(tenant, node, old, number) for number in range(10)]


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """What the probes say; the bots of these tests are rows alone, and none of them is asked."""
    answers = {"served": True, "ready": True}
    monkeypatch.setattr("fleet.gates.bot.is_served", lambda _: answers["served"])
    monkeypatch.setattr("fleet.gates.bot.is_ready", lambda _: answers["ready"])
    monkeypatch.setattr("fleet.gates.PAUSE", 0.0)
    return answers


def seen(digest: str, *, state: str = Release.State.CANDIDATE) -> Release:
    """The poll found this digest behind the tag."""
    release, _ = Release.objects.update_or_create(image=IMAGE, digest=digest)
    Release.objects.filter(pk=release.pk).update(state=state)
    return Release.objects.get(pk=release.pk)


def bot_of(tenant: Tenant, node: Node, release: Release, number: int) -> Instance:
    return Instance.objects.create(
        tenant=tenant,
        slug=f"{tenant.slug}-{number}",
        node=node,
        image=IMAGE,
        release=release,
        status=Instance.Status.RUNNING,
        memory_mb=256,
        cpu_millis=500,
        pids=128,
        disk_gb=1,
        host_port=free_port() + number,
    )


def finish(operations: list[Operation], *, failed: str = "") -> None:
    """The workers end these; what failed did so after the switch and went back."""
    for operation in operations:
        note = operation.steps.filter(name="note_before")
        note.update(state="done", facts={"healthy": True, "ready": True})
        if failed:
            operation.steps.filter(name="switch_release").update(state="undone")
        else:
            Instance.objects.filter(pk=operation.subject_id).update(
                release=operation.parameters["release"]
            )
        operation.state = Operation.State.FAILED if failed else Operation.State.SUCCEEDED
        operation.error, operation.finished_at = failed, timezone.now()
        operation.save()


def subjects(operations: list[Operation]) -> set[str]:
    found = Instance.objects.filter(pk__in=[operation.subject_id for operation in operations])
    return set(found.values_list("slug", flat=True))


def soaked() -> None:
    """The time for which a wave is watched has passed."""
    long_ago = timezone.now() - timedelta(hours=1)
    Operation.objects.exclude(finished_at=None).update(finished_at=long_ago)


def turn_by_turn() -> Iterator[list[Operation]]:
    """Every wave's operations, each ended well and watched for long enough."""
    while opened := rollouts.advance():
        yield opened
        finish(opened)
        assert rollouts.advance() == [], "the next wave began before this one was watched"
        soaked()


def test_canaries_go_first_then_the_waves_and_then_the_release_is_good(bots: Bots) -> None:
    new = seen(NEW)

    sizes = [len(subjects(wave)) for wave in turn_by_turn()]

    assert sizes == [2, 2, 6]
    new.refresh_from_db()
    assert (new.state, new.reason) == ("good", "10 bots run it")
    assert Rollout.objects.get().state == Rollout.State.DONE


def test_the_canaries_of_the_tenants_that_staff_chose_are_preferred(
    bots: Bots, node: Node, old: Release, alice: Any, settings: Any
) -> None:
    brave = bot_of(tenant_create(owner=alice, slug="brave", name="Brave"), node, old, 11)
    bot_of(bots[0].tenant, node, old, 12)
    settings.WOPR_ROLLOUT_CANARY_TENANTS = ["brave"]
    seen(NEW)

    assert brave.slug in subjects(rollouts.advance())


def test_only_so_many_updates_are_under_way_at_once(bots: Bots, settings: Any) -> None:
    settings.WOPR_ROLLOUT_CANARIES = 10
    settings.WOPR_ROLLOUT_AT_ONCE = 3
    seen(NEW)

    first = rollouts.advance()

    assert len(first) == 3
    assert rollouts.advance() == []
    finish(first[:1])
    assert len(rollouts.advance()) == 1


def test_an_update_that_failed_halts_the_rollout_until_a_person_continues(bots: Bots) -> None:
    new = seen(NEW)
    finish(rollouts.advance()[:1], failed="wait_healthy: the bot does not answer")
    finish(list(Operation.objects.live()))

    assert rollouts.advance() == []
    soaked()
    assert rollouts.advance() == []
    rollout = Rollout.objects.get()
    assert rollout.state == Rollout.State.HALTED
    assert rollout.reason.endswith("wait_healthy: the bot does not answer")
    states = sorted(rollout.members.filter(wave=0).values_list("state", flat=True))
    assert states == [Member.ROLLED_BACK, Member.UPDATED]

    release_services.rollout_continue(rollout=rollout)

    assert len(rollouts.advance()) == 2
    new.refresh_from_db()
    assert new.state == Release.State.CANARY


@pytest.mark.parametrize("probe", ["served", "ready"])
def test_a_bot_that_got_worse_while_it_was_watched_goes_back_and_halts_the_rollout(
    bots: Bots, well: dict[str, bool], probe: str
) -> None:
    new = seen(NEW)
    opened = rollouts.advance()
    for bot in Instance.objects.filter(pk__in=[o.subject_id for o in opened]):
        bot.previous_release = bot.release
        bot.save()
    finish(opened)
    rollouts.advance()
    soaked()
    well[probe] = False

    [back] = rollouts.advance()

    assert back.kind == "roll_back"
    assert Rollout.objects.get().state == Rollout.State.HALTED
    new.refresh_from_db()
    assert new.state == Release.State.BAD


def test_a_bot_in_a_crash_loop_after_its_update_halts_the_rollout(bots: Bots) -> None:
    seen(NEW)
    opened = rollouts.advance()
    finish(opened)
    Instance.objects.filter(pk=opened[0].subject_id).update(crashing_since=timezone.now())
    rollouts.advance()
    soaked()

    rollouts.advance()

    assert "ends again and again" in Rollout.objects.get().reason


def test_a_bot_that_did_not_answer_before_its_update_says_nothing_about_the_release(
    bots: Bots,
) -> None:
    seen(NEW)
    opened = rollouts.advance()
    finish(opened, failed="wait_healthy: the bot does not answer")
    for operation in opened:
        operation.steps.filter(name="note_before").update(facts={"healthy": False})

    rollouts.advance()

    assert Rollout.objects.get().state != Rollout.State.HALTED


def test_a_paused_rollout_begins_nothing_and_goes_on_when_continued(bots: Bots) -> None:
    seen(NEW)
    finish(rollouts.advance())
    rollout = Rollout.objects.get()
    release_services.rollout_pause(rollout=rollout, reason="a holiday")
    soaked()

    assert rollouts.advance() == []
    seen(NEWER)
    assert rollouts.advance() == [], "a newer release must not pass by a person's word"
    release_services.rollout_continue(rollout=rollout)
    assert len(rollouts.advance()) == 2


def test_a_rollout_that_was_not_stopped_cannot_be_continued(bots: Bots) -> None:
    seen(NEW)
    rollouts.advance()

    with pytest.raises(Refused, match="was not stopped"):
        release_services.rollout_continue(rollout=Rollout.objects.get())


def test_a_mended_release_takes_the_place_of_a_halted_one(bots: Bots) -> None:
    bad = seen(NEW)
    finish(rollouts.advance(), failed="wait_healthy: the bot does not answer")
    rollouts.advance()
    Release.objects.filter(pk=bad.pk).update(state=Release.State.BAD)
    mended = seen(NEWER)

    opened = rollouts.advance()

    assert {operation.parameters["release"] for operation in opened} == {str(mended.pk)}
    assert Rollout.objects.get(release=bad).state == Rollout.State.DONE
    bad.refresh_from_db()
    assert bad.state == Release.State.BAD


Change = Callable[[Instance], object]
LEFT_OUT: dict[str, tuple[Change, Change]] = {
    "pinned": (
        lambda bot: release_services.instance_pin(instance=bot, reason="a fair"),
        lambda bot: release_services.instance_unpin(instance=bot),
    ),
    "pinned tenant": (
        lambda bot: release_services.tenant_pin(tenant=bot.tenant, reason="a fair", by="x"),
        lambda bot: release_services.tenant_unpin(pin=bot.tenant.release_pin),
    ),
    "manual": (
        lambda bot: Instance.objects.filter(pk=bot.pk).update(updates="manual"),
        lambda bot: Instance.objects.filter(pk=bot.pk).update(updates="automatic"),
    ),
    "stopped": (
        lambda bot: Instance.objects.filter(pk=bot.pk).update(status="stopped"),
        lambda bot: Instance.objects.filter(pk=bot.pk).update(status="running"),
    ),
}


@pytest.mark.parametrize("why", LEFT_OUT)
def test_a_bot_that_is_left_out_joins_when_nothing_is_in_its_way_any_more(
    bots: Bots, node: Node, old: Release, alice: Any, why: str
) -> None:
    leave_out, come_back = LEFT_OUT[why]
    other = bot_of(tenant_create(owner=alice, slug="other", name="Other"), node, old, 20)
    new = seen(NEW)
    leave_out(other)
    updated = set().union(*(subjects(wave) for wave in turn_by_turn()))
    assert other.slug not in updated
    assert len(updated) == 10

    come_back(Instance.objects.get(pk=other.pk))

    assert subjects(rollouts.advance()) == {other.slug}
    new.refresh_from_db()
    assert new.state == Release.State.GOOD


def test_a_bot_pinned_while_it_waits_for_its_turn_is_left_out(bots: Bots) -> None:
    seen(NEW)
    finish(rollouts.advance())
    waiting = RolloutMember.objects.filter(state=Member.WAITING).select_related("instance")
    bot = waiting.order_by("wave")[0].instance
    release_services.instance_pin(instance=bot, reason="a fair")
    rollouts.advance()
    soaked()

    assert bot.slug not in subjects(rollouts.advance())
    member = RolloutMember.objects.get(instance=bot)
    assert (member.state, member.reason) == (Member.LEFT_OUT, "pinned: a fair")


def test_a_bot_that_was_taken_back_is_not_brought_forward_again(bots: Bots, old: Release) -> None:
    new = seen(NEW)
    list(turn_by_turn())
    Instance.objects.filter(pk=bots[0].pk).update(release=old, previous_release=new)

    assert rollouts.advance() == []
    seen(NEWER)
    assert bots[0].slug in set().union(*(subjects(wave) for wave in turn_by_turn()))


def test_a_late_bot_that_gets_worse_goes_back_and_no_release_is_blamed(
    bots: Bots, old: Release
) -> None:
    Instance.objects.filter(pk=bots[0].pk).update(status="stopped")
    new = seen(NEW)
    list(turn_by_turn())
    Instance.objects.filter(pk=bots[0].pk).update(status="running")

    finish(rollouts.advance(), failed="verify_ready: worse")

    assert rollouts.advance() == [], "it gets one turn"
    new.refresh_from_db()
    assert new.state == Release.State.GOOD


def test_a_bot_that_runs_something_newer_is_not_taken_back_by_an_older_release(bots: Bots) -> None:
    seen(NEW)
    list(turn_by_turn())
    newer = seen(NEWER, state=Release.State.BAD)
    Instance.objects.filter(pk=bots[0].pk).update(release=newer, previous_release=None)

    assert rollouts.advance() == []


def test_the_first_release_is_good_when_a_bot_runs_it(bots: Bots, old: Release) -> None:
    Release.objects.filter(pk=old.pk).update(state=Release.State.CANDIDATE)

    assert rollouts.advance() == []

    old.refresh_from_db()
    assert old.state == Release.State.GOOD


def test_where_all_bots_are_updated_by_hand_a_release_is_offered_to_all(bots: Bots) -> None:
    Instance.objects.update(updates="manual")
    new = seen(NEW)

    assert rollouts.advance() == []

    assert updates.available(Instance.objects.all()[0]) == new


def test_a_release_waits_for_the_first_bot(node: Node) -> None:
    new = seen(NEW)

    assert rollouts.advance() == []

    new.refresh_from_db()
    assert new.state == Release.State.CANDIDATE


def test_nightly_bots_come_after_the_others_and_each_in_its_own_hour(bots: Bots) -> None:
    tokyo, berlin = bots[:2]
    Instance.objects.filter(pk__in=(tokyo.pk, berlin.pk)).update(updates="nightly", update_hour=3)
    Instance.objects.filter(pk=tokyo.pk).update(time_zone="Asia/Tokyo")
    Instance.objects.filter(pk=berlin.pk).update(time_zone="Europe/Berlin")
    seen(NEW)

    def at(hour: int) -> set[str]:
        with time_machine.travel(datetime(2027, 1, 10, hour, 30, tzinfo=UTC), tick=True):
            opened = rollouts.advance()
            finish(opened)
            rollouts.advance()
            soaked()
            return subjects(opened)

    assert [len(at(12)) for _ in range(4)] == [2, 2, 4, 0]
    assert at(18) == {tokyo.slug}
    assert at(19) == set()
    assert at(2) == {berlin.slug}
    at(3)
    assert Rollout.objects.get().state == Rollout.State.DONE


def test_the_waves_hold_every_bot_once_whatever_their_number(bots: Bots, settings: Any) -> None:
    settings.WOPR_ROLLOUT_WAVES = [10, 40, 100]
    for number in range(len(bots) + 1):
        turned = [bot for bot, _ in turns.waves(bots[:number])]
        assert sorted(map(str, turned)) == sorted(map(str, bots[:number]))
