"""A backup put in the place of a bot's data, on the real engine: equal content, equal owners."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from billing.models import Plan
from fleet import services
from fleet.gateways.restic import Repository
from fleet.models import Backup, Instance, Node, Operation
from fleet.operations import ledger
from fleet.operations.steps.recreating import WaitHealthyAgain
from tenants.models import Tenant
from tests.fleet.lives import DATA, data_of, done, living_bot, token_in, visit, worked, write
from tests.fleet.world import World, run_bot

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1/instances"
LATER = {"memory.sqlite": (b"other pages", 0o600, 1000), "new.txt": (b"not yet there", 0o644, 1000)}
FOREIGN = {"theirs": (b"of another user", 0o640, 1234)}


@pytest.fixture(autouse=True)
def repositories(settings: Any, tmp_path: Path) -> None:
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path)


@pytest.fixture
def bot(tenant: Tenant, node: Node, plan: Plan, world: World) -> Instance:
    bot = living_bot(tenant, node, plan, bots=2)
    write(world, bot, DATA | FOREIGN)
    return bot


@pytest.fixture
def backup(bot: Instance) -> Backup:
    done(services.instance_back_up(instance=bot, cause="test"))
    return bot.backups.get()


def test_a_restored_bot_has_what_the_backup_holds_and_nothing_else(
    bot: Instance, backup: Backup, world: World
) -> None:
    write(world, bot, LATER)

    operation = done(services.instance_restore(instance=bot, backup=backup, cause="test"))

    bot.refresh_from_db()
    assert data_of(world, bot) == DATA | FOREIGN
    assert (bot.status, bot.desired) == ("running", "running")
    assert visit(bot).json()["name"] == "wopr"
    assert len(world.containers(bot)) == len(world.volumes(bot)) == 1
    before = operation.backup
    assert (before.reason, before.proven_at is not None) == ("restore", True)
    assert "./new.txt" in before.manifest, "what the bot had last can be brought back"


def test_a_restore_that_does_not_get_healthy_puts_everything_back(
    bot: Instance, backup: Backup, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(world, bot, LATER)
    monkeypatch.setattr(WaitHealthyAgain, "deadline", -1.0)
    monkeypatch.setattr(WaitHealthyAgain, "patience", 0.0)
    healthy = WaitHealthyAgain.observe
    answers = iter([False])
    monkeypatch.setattr(
        WaitHealthyAgain,
        "observe",
        lambda step, instance: healthy(step, instance) if next(answers, True) else None,
    )

    operation = worked(services.instance_restore(instance=bot, backup=backup, cause="test"))

    bot.refresh_from_db()
    assert operation.state == Operation.State.FAILED
    assert not operation.leaks.exists()
    assert data_of(world, bot) == DATA | FOREIGN | LATER
    assert bot.status == "running"
    assert visit(bot).json()["name"] == "wopr"


def test_a_stopped_bot_stays_stopped_when_its_restore_fails(
    bot: Instance, backup: Backup, world: World
) -> None:
    done(services.instance_stop(instance=bot, cause="test"))
    Backup.objects.filter(pk=backup.pk).update(snapshot="0" * 64)

    operation = worked(services.instance_restore(instance=bot, backup=backup, cause="test"))

    bot.refresh_from_db()
    assert operation.error == "find_backup: the backup is not in its repository any more"
    assert (bot.status, bot.desired) == ("stopped", "stopped")
    assert data_of(world, bot) == DATA | FOREIGN


def test_a_backup_of_one_bot_is_restored_into_another_under_its_own_token(
    bot: Instance, backup: Backup, tenant: Tenant, node: Node, world: World
) -> None:
    other = run_bot(tenant, node, slug="second")

    done(services.instance_restore(instance=other, backup=backup, cause="test"))

    bot.refresh_from_db()
    other.refresh_from_db()
    assert data_of(world, other) == DATA | FOREIGN
    assert token_in(world, other) == other.daemon_token != bot.daemon_token
    assert other.credential_key == bot.credential_key, "else its credentials could not be read"
    environment = world.inspected(other)["Config"]["Env"]
    assert f"WOPR_CREDENTIAL_KEY={bot.credential_key}" in environment
    assert f"WOPR_PLATFORM_TOKEN={other.platform_token}" in environment


def test_a_backup_that_was_half_stored_is_never_taken_for_one(
    bot: Instance, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Repository.store

    def cut_short(store: Repository, chunks: Any, *, tag: str) -> str:
        whole(store, [next(iter(chunks))[:512]], tag=tag)
        monkeypatch.setattr(Repository, "store", whole)
        raise OSError("the worker was ended")

    monkeypatch.setattr(Repository, "store", cut_short)

    done(services.instance_back_up(instance=bot, cause="test"))

    assert bot.backups.get().proven_at is not None


def test_a_bot_that_a_dead_worker_left_frozen_is_backed_up_and_let_go(
    bot: Instance, world: World
) -> None:
    world.engine.api.pause(world.inspected(bot)["Id"])

    done(services.instance_back_up(instance=bot, cause="test"))

    assert world.inspected(bot)["State"]["Paused"] is False
    assert visit(bot).json()["name"] == "wopr"


def test_what_a_dead_worker_left_of_a_proof_goes_with_the_bot(
    bot: Instance, backup: Backup, world: World
) -> None:
    api, marks = world.engine.api, {"wopr.instance": str(bot.pk), "wopr.scratch": "x"}
    api.create_volume("wopr-scratch-left", labels=marks)

    done(ledger.operation_open(kind="terminate", subject=bot, tenant=bot.tenant, cause="test"))

    bot.refresh_from_db()
    assert bot.status == "terminated"
    assert world.volumes(bot) == []


def test_the_owner_restores_by_the_api(api: APIClient, bot: Instance, backup: Backup) -> None:
    [shown] = api.get(f"{API}/{bot.pk}/backups").json()
    assert (shown["id"], shown["reason"]) == (str(backup.pk), "demand")
    assert shown["proven_at"]
    assert shown["files"] >= 4

    answer = api.post(f"{API}/{bot.pk}/restore", {"backup": shown["id"]})

    assert (answer.status_code, answer.json()["kind"]) == (202, "restore")


def test_another_tenants_backup_is_not_there(
    api: APIClient, bot: Instance, charlie: object, backup: Backup
) -> None:
    theirs = Tenant.objects.get(slug="charlie")
    Instance.objects.filter(pk=bot.pk).update(tenant=theirs)
    mine = Instance.objects.create(
        tenant=Tenant.objects.get(slug="alice-co"),
        slug="mine",
        node=bot.node,
        status="running",
        image=bot.image,
        memory_mb=256,
        cpu_millis=500,
        pids=128,
        disk_gb=1,
        host_port=1,
    )

    answer = api.post(f"{API}/{mine.pk}/restore", {"backup": str(backup.pk)})

    assert (answer.status_code, answer.json()["code"]) == (404, "backup_unknown")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"proven_at": None}, "backup_unproven"),
        ({"forgotten_at": "2026-01-01T00:00Z"}, "backup_gone"),
    ],
)
def test_what_was_not_seen_to_restore_is_not_restored(
    api: APIClient, bot: Instance, backup: Backup, change: dict[str, Any], code: str
) -> None:
    Backup.objects.update(**change)

    answer = api.post(f"{API}/{bot.pk}/restore", {"backup": str(backup.pk)})

    assert (answer.status_code, answer.json()["code"]) == (409, code)
