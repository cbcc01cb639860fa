"""The step that deletes the backups of a bot that is gone."""

from django.db.models import QuerySet
from django.utils import timezone

from fleet.models import Backup, Instance
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


def _kept(instance: Instance) -> QuerySet[Backup]:
    return Backup.objects.filter(instance=instance, forgotten_at__isnull=True)
