"""The step that keeps as many backups of a bot as its plan says, and no more."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from billing.models import Entitlement
from fleet.models import Backup, Instance, Operation
from fleet.operations.base import Facts, Step
from fleet.operations.steps.backups import repository


class ForgetSurplus(Step[Instance]):
    """The newest proven ones stay; older ones are gone when the repository lists none of them."""

    name = "forget_surplus"
    title = "Delete backups beyond what the plan keeps"
    deadline = 6 * 3600.0
    essential = False

    def observe(self, instance: Instance) -> Facts | None:
        rows = {str(backup.pk) for backup in surplus(instance)}
        if rows and repository(instance).tags() & rows:
            return None
        return {"forgotten": sorted(rows)}

    def act(self, instance: Instance) -> None:
        repository(instance).forget({str(backup.pk) for backup in surplus(instance)})

    def record(self, instance: Instance, facts: Facts) -> None:
        Backup.objects.filter(pk__in=facts["forgotten"]).update(forgotten_at=timezone.now())


def surplus(instance: Instance) -> QuerySet[Backup]:
    """Backups older than those that are kept, but for what an operation is about to read."""
    present = Backup.objects.filter(instance=instance, forgotten_at__isnull=True)
    proven = present.filter(proven_at__isnull=False).order_by("-created_at")
    kept = list(proven.values_list("created_at", flat=True)[: _kept(instance)])
    if len(kept) < _kept(instance):
        return present.none()
    return present.filter(created_at__lt=kept[-1]).exclude(pk__in=_wanted_now())


def _kept(instance: Instance) -> int:
    """A bot always keeps its newest, whatever is paid for."""
    entitlement = Entitlement.objects.filter(tenant_id=instance.tenant_id).first()
    return max(entitlement.backups_kept if entitlement else 0, 1)


def _wanted_now() -> list[UUID]:
    named = Operation.objects.live().filter(parameters__has_key="backup")
    return [UUID(backup) for backup in named.values_list("parameters__backup", flat=True)]
