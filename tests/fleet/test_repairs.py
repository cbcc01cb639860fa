"""What is ours and safe is mended by itself; everything else waits for a person."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from fleet import drift, repairs
from fleet.engines.registry import engine
from fleet.models import Drift, Instance, Node, Operation
from fleet.operations import ledger, runner
from fleet.operations.steps.recreating import WaitHealthyAgain
from tenants.models import Tenant
from tests.fleet.lives import worked
from tests.fleet.releasing import Registry, registry
from tests.fleet.test_drift import look, other_image, remade, rows_say
from tests.fleet.test_move import LEAVE_SOMETHING, READ_IT
from tests.fleet.world import World, inside, run_bot
from wopr.common.errors import Refused

__all__ = ["registry"]
pytestmark = pytest.mark.django_db(transaction=True)
Kind = Drift.Kind


@pytest.fixture
def bot(tenant: Tenant, node: Node, world: World) -> Instance:
    return run_bot(tenant, node)


def mend(node: Node) -> list[Operation]:
    """What a pass opens by itself, brought to its end."""
    opened = repairs.open_due(node=node)
    for operation in opened:
        runner.run(operation.pk)
        operation.refresh_from_db()
    return opened


def by_hand(act: Callable[[World, Instance], object], kind: str) -> object:
    return pytest.param(act, kind, id=kind)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        by_hand(
            lambda world, bot: world.engine.api.remove_container(bot.container_name, force=True),
            Kind.MISSING,
        ),
        by_hand(lambda world, bot: world.engine.api.kill(bot.container_name), Kind.STOPPED),
        by_hand(other_image, Kind.WRONG_DIGEST),
        by_hand(
            lambda world, bot: world.engine.api.update_container(
                bot.container_name, mem_limit="300m", memswap_limit="300m"
            ),
            Kind.WRONG_LIMITS,
        ),
        by_hand(
            lambda world, bot: remade(
                world, bot, labels={**world.inspected(bot)["Config"]["Labels"], "wopr.tenant": "x"}
            ),
            Kind.WRONG_LABELS,
        ),
        by_hand(lambda world, bot: rows_say(bot, host_port=bot.host_port + 1), Kind.WRONG_PORT),
    ],
)
def test_a_bot_that_is_to_run_is_brought_back_with_its_data(
    act: Callable[[World, Instance], object], kind: str, bot: Instance, world: World
) -> None:
    inside(world, world.inspected(bot), LEAVE_SOMETHING)
    act(world, bot)
    assert kind in look(bot.node)

    [operation] = mend(bot.node)

    assert operation.state == Operation.State.SUCCEEDED, operation.error
    assert operation.cause.startswith("drift: ")
    assert look(bot.node) == {}
    bot.refresh_from_db()
    inspected = world.inspected(bot)
    assert inspected["State"]["Running"]
    assert bot.release
    assert inspected["Config"]["Image"] == bot.release.digest
    assert inspected["HostConfig"]["Memory"] == 256 * 1024 * 1024
    assert world.routes(bot.hostname) == [bot.upstream]
    assert inside(world, inspected, READ_IT) == "shall we play a game? 640 1000 1000"


@pytest.mark.parametrize("status", ["stopped", "suspended"])
def test_a_bot_that_is_to_rest_is_stopped_and_stays_so(
    status: str, bot: Instance, world: World
) -> None:
    rows_say(bot, status=status)
    assert set(look(bot.node)) == {f"running_though_{status}"}

    [operation] = mend(bot.node)

    assert operation.state == Operation.State.SUCCEEDED, operation.error
    inspected = world.inspected(bot)
    assert not inspected["State"]["Running"]
    assert inspected["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert look(bot.node) == {}


def test_a_resting_bot_without_a_container_gets_one_that_rests(bot: Instance, world: World) -> None:
    world.engine.api.remove_container(bot.container_name, force=True)
    rows_say(bot, status="suspended")
    look(bot.node)

    mend(bot.node)

    assert not world.inspected(bot)["State"]["Running"]
    assert look(bot.node) == {}


def test_a_bot_that_did_not_answer_after_its_restart_is_not_said_to_run(
    bot: Instance, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, broken = bot.release, registry.push("1.4.0", healthy=False)
    engine(bot.node).pull_digest(broken.digest)
    Instance.objects.update(release=broken)
    with monkeypatch.context() as patch:
        patch.setattr(WaitHealthyAgain, "deadline", 0.0)
        patch.setattr(WaitHealthyAgain, "patience", 1.0)
        restart = worked(
            ledger.operation_open(kind="restart", subject=bot, tenant=bot.tenant, cause="test")
        )
    assert restart.state == Operation.State.FAILED
    assert shown(bot) == "unknown"
    assert list(look(bot.node)) == [Kind.SILENT]

    Instance.objects.update(release=good)
    [operation] = mend(bot.node)

    assert operation.state == Operation.State.SUCCEEDED, operation.error
    assert look(bot.node) == {}
    assert shown(bot) == "running"


def shown(bot: Instance) -> str:
    return Instance.objects.get(pk=bot.pk).shown_status


def test_a_bot_whose_data_is_gone_is_not_given_an_empty_volume(bot: Instance, world: World) -> None:
    world.engine.api.remove_container(bot.container_name, force=True)
    world.engine.api.remove_volume(bot.volume_name)
    missing = look(bot.node)[Kind.MISSING]

    assert mend(bot.node) == []

    by_a_person = repairs.drift_repair(drift=missing, cause="staff: 1")
    runner.run(by_a_person.pk)
    by_a_person.refresh_from_db()
    assert by_a_person.state == Operation.State.FAILED
    assert "restore a backup instead" in by_a_person.error
    assert world.volumes(bot) == []


def test_a_container_of_ours_with_a_strangers_label_is_left_alone(
    bot: Instance, world: World
) -> None:
    remade(world, bot, labels={"wopr.instance": "somebody else"})
    made = world.engine.api.inspect_container(bot.container_name)["Id"]
    try:
        assert set(look(bot.node)) == {Kind.MISSING}
        assert Drift.objects.get(kind=Kind.UNKNOWN_CONTAINER, resource=bot.container_name)

        assert mend(bot.node) == []

        assert world.engine.api.inspect_container(bot.container_name)["Id"] == made
    finally:
        world.engine.api.remove_container(made, force=True)


def test_what_is_ignored_is_not_mended_until_the_time_is_up(bot: Instance, world: World) -> None:
    world.engine.api.kill(bot.container_name)
    stopped = look(bot.node)[Kind.STOPPED]
    tomorrow = timezone.now() + timedelta(days=1)
    repairs.drift_ignore(drift=stopped, until=tomorrow, because="being looked at")

    assert mend(bot.node) == []

    with time_machine.travel(tomorrow + timedelta(minutes=1)):
        assert len(repairs.open_due(node=bot.node)) == 1


def test_a_repair_that_failed_is_tried_again_after_a_pause(bot: Instance, world: World) -> None:
    world.engine.api.kill(bot.container_name)
    look(bot.node)
    rows_say(bot, release=None)
    [failed] = mend(bot.node)
    assert failed.state == Operation.State.FAILED

    assert repairs.open_due(node=bot.node) == []

    with time_machine.travel(timezone.now() + repairs.PAUSE + timedelta(minutes=1)):
        assert len(repairs.open_due(node=bot.node)) == 1


def test_what_was_deleted_and_runs_is_stopped_and_its_data_kept_until_a_person_removes_it(
    bot: Instance, world: World
) -> None:
    rows_say(bot, status="terminated")
    look(bot.node)

    [operation] = mend(bot.node)

    assert operation.kind == "fence"
    assert not world.inspected(bot)["State"]["Running"]
    left = look(bot.node)
    assert set(left) == {Kind.UNKNOWN_CONTAINER, Kind.UNKNOWN_VOLUME}
    assert mend(bot.node) == []
    for kind in (Kind.UNKNOWN_CONTAINER, Kind.UNKNOWN_VOLUME):
        cleaning = repairs.drift_clean(drift=left[kind], cause="staff: 1")
        runner.run(cleaning.pk)
        cleaning.refresh_from_db()
        assert cleaning.state == Operation.State.SUCCEEDED, cleaning.error
    assert world.containers(bot) == world.volumes(bot) == []
    assert look(bot.node) == {}


def test_what_came_to_have_a_place_again_is_not_removed(bot: Instance, world: World) -> None:
    rows_say(bot, status="terminated")
    world.engine.api.stop(bot.container_name)
    left = look(bot.node)
    rows_say(bot, status="running")

    cleaning = repairs.drift_clean(drift=left[Kind.UNKNOWN_VOLUME], cause="staff: 1")
    runner.run(cleaning.pk)

    cleaning.refresh_from_db()
    assert cleaning.state == Operation.State.FAILED
    assert "has a place here" in cleaning.error
    assert world.volumes(bot) == [bot.volume_name]


def test_nothing_is_done_about_what_is_not_ours(node: Node, world: World) -> None:
    world.engine.api.create_volume("nobodys-volume")
    try:
        drift.node_compare(node_id=node.pk)
        nobodys = Drift.objects.get(resource="nobodys-volume")
        for act in (repairs.drift_repair, repairs.drift_clean, repairs.drift_adopt):
            with pytest.raises(Refused):
                act(drift=nobodys, cause="staff: 1")
    finally:
        world.engine.api.remove_volume("nobodys-volume")


def test_a_digest_that_somebody_chose_by_hand_can_be_adopted(bot: Instance, world: World) -> None:
    assert bot.release
    earlier = bot.release.digest
    other = bot.release.digest[:-4] + "0000"
    found = Drift(instance=bot, node=bot.node, kind=Kind.WRONG_DIGEST, resource="x", seen=other)

    repairs.drift_adopt(drift=found, cause="staff: 1")

    bot.refresh_from_db()
    assert bot.release
    assert bot.previous_release
    assert (bot.release.digest, bot.previous_release.digest) == (other, earlier)
