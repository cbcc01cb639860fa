"""Who leaves can take the data along: the last backup is offered for a while, then deleted."""

import io
import tarfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.utils import timezone
from rest_framework.test import APIClient

from fleet import exports
from fleet.models import Backup, BackupRepository, Instance, Operation
from fleet.operations import ledger, runner
from fleet.operations.steps.backups import repository
from fleet.tasks import exports_expire
from tenants import services as tenant_services
from tenants.models import Membership, Tenant, User
from tests.conftest import signed_in
from wopr.common.models import Breaker

pytestmark = pytest.mark.django_db(transaction=True)
DAYS = 30
FILES = {"wopr.sqlite": b"pages", "wopr.sqlite-wal": b"newer pages", "notes": b"n" * 3_000_000}


@pytest.fixture(autouse=True)
def repositories(settings: Any, tmp_path: Path) -> Path:
    settings.WOPR_EXPORT_DAYS = DAYS
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path)
    return tmp_path


def tar_of(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def back_up(instance: Instance, files: dict[str, bytes], *, proven: bool = True) -> Backup:
    """What a finished backup leaves: a snapshot in the tenant's repository, and its row."""
    operation = Operation.objects.create(
        kind="terminate",
        subject_kind="instance",
        subject_id=instance.pk,
        tenant=instance.tenant,
        state="succeeded",
        finished_at=timezone.now(),
    )
    backup = Backup.objects.create(instance=instance, operation=operation, reason="final")
    store = repository(instance)
    store.ensure()
    backup.snapshot = store.store([tar_of(files)], tag=str(backup.pk))
    backup.taken_at = timezone.now()
    backup.proven_at = timezone.now() if proven else None
    backup.save()
    return backup


def end(instance: Instance, *, ago: timedelta = timedelta(0)) -> None:
    instance.status, instance.terminated_at = "terminated", timezone.now() - ago
    instance.save()


def run_live() -> None:
    for operation in Operation.objects.live():
        runner.run(operation.pk)


@pytest.fixture
def kept(instance: Instance) -> Backup:
    """The proven backup of a bot that was deleted yesterday."""
    end(instance, ago=timedelta(days=1))
    return back_up(instance, FILES)


def listed(client: APIClient, tenant: Tenant) -> Any:
    return client.get(f"/api/v1/tenants/{tenant.pk}/exports")


def pieces_of(answer: Any) -> list[bytes]:
    async def read() -> list[bytes]:
        return [piece async for piece in answer.streaming_content]

    return async_to_sync(read)()


def test_the_owner_downloads_everything_that_the_bot_kept(
    kept: Backup, tenant: Tenant, api: APIClient
) -> None:
    [export] = listed(api, tenant).json()
    assert export["slug"] == kept.instance.slug
    assert export["expires_at"][:10] == str((timezone.now() + timedelta(days=DAYS - 1)).date())
    answer = api.get(export["url"])
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/x-tar"
    assert kept.instance.slug in answer["Content-Disposition"]
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces_of(answer)))) as archive:
        found = {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]
    assert found == {f"./{name}": content for name, content in FILES.items()}


def test_it_comes_in_pieces_and_is_never_in_memory_as_a_whole(
    kept: Backup, tenant: Tenant, api: APIClient
) -> None:
    pieces = pieces_of(api.get(listed(api, tenant).json()[0]["url"]))
    assert len(pieces) > 2
    assert max(map(len, pieces)) <= 1024 * 1024


def test_admins_may_and_other_members_may_not(kept: Backup, tenant: Tenant, bob: User) -> None:
    url = listed(signed_in(tenant.owner.user), tenant).json()[0]["url"]  # type: ignore[union-attr]
    for role in (Membership.Role.MEMBER, Membership.Role.BILLING):
        Membership.objects.filter(user=bob).update(role=role)
        assert listed(signed_in(bob), tenant).status_code == 403
        assert signed_in(bob).get(url).status_code == 403
    Membership.objects.filter(user=bob).update(role=Membership.Role.ADMIN)
    assert signed_in(bob).get(url).status_code == 200


def test_strangers_find_nothing(kept: Backup, tenant: Tenant, charlie: User) -> None:
    assert listed(signed_in(charlie), tenant).status_code == 404
    own = charlie.tenants.get()
    for owner in (tenant, own):
        url = f"/api/v1/tenants/{owner.pk}/exports/{kept.pk}/content"
        assert signed_in(charlie).get(url).status_code == 404


def test_during_the_retention_the_newest_proven_backup_is_offered_without_an_end(
    instance: Instance, tenant: Tenant, api: APIClient
) -> None:
    instance.status = "suspended"
    instance.save()
    back_up(instance, {"old": b"1"})
    newest = back_up(instance, {"new": b"2"})
    back_up(instance, {"unproven": b"3"}, proven=False)
    [export] = listed(api, tenant).json()
    assert (export["id"], export["expires_at"]) == (str(newest.pk), None)


def test_when_its_time_is_over_it_is_not_offered_even_before_it_is_deleted(
    kept: Backup, tenant: Tenant, api: APIClient
) -> None:
    url = listed(api, tenant).json()[0]["url"]
    end(kept.instance, ago=timedelta(days=DAYS, minutes=1))
    assert listed(api, tenant).json() == []
    assert api.get(url).status_code == 404


def test_a_repository_that_is_away_is_said_before_anything_is_sent(
    kept: Backup, tenant: Tenant, api: APIClient, settings: Any, tmp_path: Path
) -> None:
    url = listed(api, tenant).json()[0]["url"]
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path / "elsewhere")
    answer = api.get(url)
    assert answer.status_code == 503
    assert answer.json()["code"]


def test_the_backups_are_deleted_in_the_end_and_seen_gone(kept: Backup, repositories: Path) -> None:
    earlier = back_up(kept.instance, {"earlier": b"1"})
    exports_expire()
    assert not Operation.objects.live().exists(), "its time is not over"

    end(kept.instance, ago=timedelta(days=DAYS, minutes=1))
    exports_expire()
    run_live()

    operation = Operation.objects.get(kind="forget_backups")
    assert operation.state == "succeeded", operation.error
    assert list(repositories.iterdir()) == [], "the last one takes the repository along"
    assert not BackupRepository.objects.exists(), "nor is its password kept"
    for backup in (kept, earlier):
        backup.refresh_from_db()
        assert backup.forgotten_at is not None
    exports_expire()
    assert Operation.objects.filter(kind="forget_backups").count() == 1


def test_backups_of_the_tenants_other_bots_stay(kept: Backup, tenant: Tenant) -> None:
    other = Instance.objects.get(pk=kept.instance_id)
    other.pk, other.slug, other.host_port = None, "another", other.host_port + 1
    other.status, other.terminated_at, other._state.adding = "running", None, True
    other.save()
    staying = back_up(other, {"stays": b"1"})
    end(kept.instance, ago=timedelta(days=DAYS, minutes=1))
    exports_expire()
    run_live()
    assert repository(other).tags() == {str(staying.pk)}


def test_a_deletion_that_fails_says_so_and_the_row_is_not_crossed_off(
    kept: Backup, settings: Any, tmp_path: Path
) -> None:
    end(kept.instance, ago=timedelta(days=DAYS, minutes=1))
    settings.WOPR_BACKUP_REPOSITORY = str(tmp_path / "elsewhere")
    exports_expire()
    run_live()
    step = Operation.objects.get(kind="forget_backups").steps.get(name="forget_backups")
    assert "restic" in step.message
    kept.refresh_from_db()
    assert kept.forgotten_at is None


def test_a_worker_that_died_after_the_deletion_has_its_work_found_done(kept: Backup) -> None:
    end(kept.instance, ago=timedelta(days=DAYS, minutes=1))
    repository(kept.instance).forget({str(kept.pk)})
    exports_expire()
    run_live()
    kept.refresh_from_db()
    assert kept.forgotten_at is not None


@pytest.fixture
def many(alice: User, instance: Instance) -> list[Instance]:
    """Ten tenants whose bots were deleted today, with a backup each that is a row only."""
    gone = []
    for number in range(10):
        tenant = tenant_services.tenant_create(owner=alice, slug=f"tenant-{number}", name="T")
        bot = Instance.objects.create(
            tenant=tenant, slug=tenant.slug, node=instance.node, image=instance.image,
            memory_mb=256, cpu_millis=500, pids=128, disk_gb=1, host_port=1000 + number,
            status="terminated", terminated_at=timezone.now(),
        )  # fmt: skip
        with_operation = ledger.operation_open(
            kind="terminate", subject=bot, tenant=tenant, cause="test"
        )
        Operation.objects.filter(pk=with_operation.pk).update(
            state="succeeded", finished_at=timezone.now()
        )
        Backup.objects.create(instance=bot, operation=with_operation, reason="final")
        gone.append(bot)
    return gone


def test_a_clock_that_jumps_does_not_delete_everybodys_last_copy(many: list[Instance]) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=3650)):
        assert exports.expire() == []
    assert "10 of 11 tenants" in Breaker.objects.get(action="forget_backups").message
