"""A bot on a machine whose engine is Podman, asked at its Docker-compatible socket."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billing.models import Entitlement, Hold, Plan
from fleet import convergence, drift, services
from fleet.engines.base import Limits
from fleet.engines.registry import engine
from fleet.models import Drift, Instance, Node
from fleet.standings import follow
from sandbox.stack.engines import OtherMachine, other_machine
from tenants.models import Tenant
from tests.fleet.lives import done, living_bot, visit
from tests.fleet.world import World
from tests.stack.processes import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def podman() -> Iterator[OtherMachine]:
    registry = int(os.environ["WOPR_STACK_REGISTRY"].rpartition(":")[2])
    with other_machine(reaching=(registry,), podman=True) as machine:
        yield machine


@pytest.fixture
def bot(podman: OtherMachine, tenant: Tenant, plan: Plan, world: World) -> Iterator[Instance]:
    node = Node.objects.create(
        name="podman", engine_url=podman.engine.url, address=podman.address, memory_mb=8192
    )
    bot = living_bot(tenant, node, plan)
    yield bot
    engine(node).remove_container(bot.container_name)
    engine(node).remove_volume(bot.volume_name)


def differences(bot: Instance) -> list[str]:
    assert drift.node_compare(node_id=bot.node_id)
    return list(Drift.objects.filter(resolved_at=None).values_list("kind", flat=True))


def test_a_bot_lives_with_podman_as_with_docker(bot: Instance) -> None:
    assert visit(bot).json()["name"] == "wopr"
    assert differences(bot) == []

    hold = Hold.objects.create(tenant=bot.tenant, reason="staff")
    done(follow()[0])
    assert visit(bot).status_code == 402
    assert differences(bot) == []

    hold.delete()
    done(follow()[0])
    assert visit(bot).json()["name"] == "wopr"
    assert differences(bot) == []


def test_a_backup_is_proven_and_restored_with_podman(
    bot: Instance, settings: Any, tmp_path: Path
) -> None:
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path)
    node, name = engine(bot.node), bot.container_name
    node.seed_files(name, {"notes.txt": b"shall we play a game?"})
    done(services.instance_back_up(instance=bot, cause="test"))
    node.seed_files(name, {"later.txt": b"not in the backup"})

    done(services.instance_restore(instance=bot, backup=bot.backups.get(), cause="test"))

    bot.refresh_from_db()
    assert (node.has_file(bot.container_name, "notes.txt"), bot.status) == (True, "running")
    assert not node.has_file(bot.container_name, "later.txt")
    assert visit(bot).json()["name"] == "wopr"


def test_a_bigger_plan_gives_the_bot_more_by_a_new_container(bot: Instance) -> None:
    Entitlement.objects.update(memory_mb=300, cpu_millis=700, pids=80)

    [resize] = convergence.tenant_converge(tenant_id=bot.tenant_id)
    done(resize)

    found = engine(bot.node).find_container(bot.container_name)
    assert found
    assert (found.running, found.limits) == (True, Limits(300, 700, 80))
    eventually(lambda: visit(bot).status_code == 200, "the bot to answer again")
    assert differences(bot) == []
