"""A bot made from another one's data, or from a backup of one that is gone."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from billing.models import Entitlement, Plan
from fleet import services
from fleet.models import Backup, Instance, Node, Operation, Variable
from fleet.operations import ledger
from tenants.models import Tenant, User
from tests.fleet.lives import DATA, data_of, done, living_bot, token_in, visit, worked, write
from tests.fleet.toys import ran, row
from tests.fleet.world import NOTHING_OUTSIDE, World, run_bot

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1/instances"


@pytest.fixture(autouse=True)
def repositories(settings: Any, tmp_path: Path) -> None:
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path)


@pytest.fixture
def bot(tenant: Tenant, node: Node, plan: Plan, world: World) -> Instance:
    bot = living_bot(tenant, node, plan, bots=2)
    write(world, bot, DATA)
    return bot


def cloned(operation: Operation) -> Instance:
    return Instance.objects.get(pk=operation.subject_id)


def test_a_clone_has_the_data_the_variables_and_a_name_of_its_own(
    bot: Instance, world: World
) -> None:
    Variable.objects.create(instance=bot, name="MODEL", value="large", proven="large")

    cloning = services.instance_clone(instance=bot, cause="test")
    done(Operation.objects.get(kind="backup"))
    done(cloning)

    copy = cloned(cloning)
    assert (copy.slug, copy.status) == ("alice-co--2", "running")
    assert data_of(world, copy) == data_of(world, bot) == DATA
    assert "MODEL=large" in world.inspected(copy)["Config"]["Env"]
    assert token_in(world, copy) == copy.daemon_token != bot.daemon_token
    assert copy.platform_token != bot.platform_token
    assert visit(copy).json()["name"] == "wopr"
    assert visit(bot).json()["name"] == "wopr"


def test_a_clone_waits_until_the_data_are_backed_up(bot: Instance, world: World) -> None:
    cloning = ran(services.instance_clone(instance=bot, cause="test"))

    assert cloning.is_live
    assert row(cloning, "find_backup").message == "the data is being backed up first"
    assert world.containers(cloned(cloning)) == []


def test_a_clone_whose_backup_failed_leaves_nothing_behind(
    bot: Instance, world: World, settings: Any
) -> None:
    cloning = services.instance_clone(instance=bot, cause="test")
    settings.WOPR_BACKUP_REPOSITORY = "/dev/null/nowhere"
    worked(Operation.objects.get(kind="backup"))
    worked(cloning)

    copy = cloned(cloning)
    assert "the backup" in cloning.error
    assert copy.status == "failed"
    assert NOTHING_OUTSIDE.items() <= world.counted(copy).items()


def test_a_bot_that_is_gone_comes_back_from_its_last_backup(bot: Instance, world: World) -> None:
    ending = ledger.operation_open(kind="terminate", subject=bot, tenant=bot.tenant, cause="test")
    last = done(ending).backup
    bot.refresh_from_db()

    cloning = done(services.instance_clone(instance=bot, backup=last, cause="test"))

    copy = cloned(cloning)
    assert copy.slug == "alice-co"
    assert data_of(world, copy) == DATA


def test_a_clone_needs_a_bot_that_is_paid_for_and_the_fix_is_named(
    api: APIClient, bot: Instance
) -> None:
    Entitlement.objects.update(bots=1)

    answer = api.post(f"{API}/{bot.pk}/clone", {})

    assert (answer.status_code, answer.json()["code"]) == (409, "no_free_bot")
    assert "Add a bot to your plan" in answer.json()["message"]
    assert Instance.objects.count() == 1
    assert not Operation.objects.live().exists()


def test_the_owner_clones_by_the_api(api: APIClient, bot: Instance) -> None:
    answer = api.post(f"{API}/{bot.pk}/clone", {})

    assert (answer.status_code, answer.json()["kind"]) == (202, "clone")
    assert sorted(Operation.objects.live().values_list("kind", flat=True)) == ["backup", "clone"]
    assert not Backup.objects.exists()


@pytest.fixture
def other(bot: Instance) -> Instance:
    """An empty bot, as one has it that was just added to the plan."""
    return run_bot(bot.tenant, bot.node, slug="alice-co--2")


def test_a_bot_that_is_there_is_filled_with_another_ones_data(
    api: APIClient, bot: Instance, other: Instance, world: World
) -> None:
    write(world, other, {"own.txt": (b"what it had", 0o644, 1000)})

    answer = api.post(f"{API}/{bot.pk}/clone", {"into": str(other.pk)})

    assert (answer.status_code, answer.json()["kind"]) == (202, "restore")
    done(Operation.objects.get(kind="backup"))
    restore = done(Operation.objects.get(kind="restore"))
    assert data_of(world, other) == data_of(world, bot) == DATA
    assert token_in(world, other) == other.daemon_token
    assert visit(other).json()["name"] == visit(bot).json()["name"] == "wopr"
    assert "./own.txt" in restore.backup.manifest, "what it had can be brought back"
    assert Instance.objects.count() == 2


def test_only_another_bot_of_the_same_tenant_is_filled(
    api: APIClient, bot: Instance, charlie: User
) -> None:
    theirs = Instance.objects.get(pk=bot.pk)
    theirs.pk, theirs.slug, theirs.host_port = uuid4(), "charlie", bot.host_port + 1
    theirs.tenant = charlie.memberships.get().tenant
    theirs.save(force_insert=True)

    for into in (bot, theirs):
        answer = api.post(f"{API}/{bot.pk}/clone", {"into": str(into.pk)})
        assert answer.status_code == 404
    assert not Operation.objects.live().exists()
