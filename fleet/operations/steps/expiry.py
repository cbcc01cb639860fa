"""The steps that delete the backups of a bot that is gone, and what is empty then."""

from django.db.models import QuerySet
from django.utils import timezone

from fleet.models import Backup, BackupRepository, Instance
from fleet.operations.base import Facts, Step
from fleet.operations.steps.backups import repository


class ForgetBackups(Step[Instance]):
    """All of the bot's, proven or not; they are gone when the repository lists none of them."""

    name = "forget_backups"
    title = "Delete the backups"
    deadline = 24 * 3600.0

    def observe(self, instance: Instance) -> Facts | None:
        present = repository(instance).tags()
        rows = [str(backup.pk) for backup in _kept(instance)]
        return None if present.intersection(rows) else {"backups": rows}

    def act(self, instance: Instance) -> None:
        repository(instance).forget({str(backup.pk) for backup in _kept(instance)})

    def record(self, instance: Instance, facts: Facts) -> None:
        Backup.objects.filter(pk__in=facts["backups"]).update(forgotten_at=timezone.now())


class DropRepository(Step[Instance]):
    """With a tenant's last backup goes the repository itself, its password included.

    One in a bucket stays there, empty: restic has no word for its removal. Its password stays too,
    or a tenant that comes back could not be backed up into it.
    """

    name = "drop_repository"
    title = "Delete the empty repository"

    def observe(self, instance: Instance) -> Facts | None:
        if _is_needed(instance):
            return {"kept": "the tenant has a bot or another backup"}
        row = BackupRepository.objects.filter(tenant_id=instance.tenant_id).first()
        if row is None:
            return {"gone": True}
        return None if repository(instance).is_folder else {"kept": "it is empty, in a bucket"}

    def act(self, instance: Instance) -> None:
        repository(instance).remove()
        BackupRepository.objects.filter(tenant_id=instance.tenant_id).delete()


def _is_needed(instance: Instance) -> bool:
    theirs = Instance.objects.filter(tenant_id=instance.tenant_id)
    kept = Backup.objects.filter(instance__in=theirs, forgotten_at__isnull=True)
    return kept.exists() or theirs.exclude(status=Instance.Status.TERMINATED).exists()


def _kept(instance: Instance) -> QuerySet[Backup]:
    return Backup.objects.filter(instance=instance, forgotten_at__isnull=True)
