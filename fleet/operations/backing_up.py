"""Backing a bot up, proving old backups again, restoring one, and making a new bot of one."""

from fleet.models import Backup, Instance
from fleet.operations.base import Kind, register
from fleet.operations.ledger import live_operation
from fleet.operations.provision import INTO_SERVICE, instance_failed, load_instance
from fleet.operations.steps import (
    backups,
    containers,
    lifecycle,
    reach,
    recreating,
    restoring,
    retention,
)


def _asked_as_before(instance: Instance) -> None:
    """Undone: a bot that its owner had stopped is wanted stopped again."""
    before = live_operation("instance", instance.pk).parameters["was"]
    if before == Instance.Status.STOPPED:
        Instance.objects.filter(pk=instance.pk).update(desired=Instance.Desired.STOPPED)


BACKUP = register(
    Kind(
        name="backup",
        title="Back the bot up",
        subject_kind="instance",
        load=load_instance,
        steps=(
            backups.TakeBackup(Backup.Reason.DEMAND),
            backups.ProveBackup(),
            retention.ForgetSurplus(),
        ),
        undoes=False,
    )
)

PROVE = register(
    Kind(
        name="prove",
        title="Prove an old backup again",
        subject_kind="instance",
        load=load_instance,
        steps=(backups.ProveAgain(),),
        undoes=False,
    )
)

# Stopped first: what the bot writes after its last backup would be lost.
RESTORE = register(
    Kind(
        name="restore",
        title="Restore the bot from a backup",
        subject_kind="instance",
        load=load_instance,
        steps=(
            restoring.FindBackup(),
            lifecycle.ShowStoppedPage(),
            lifecycle.StopBot(),
            backups.TakeBackup(Backup.Reason.RESTORE),
            backups.ProveBackup(),
            restoring.FillData(),
            recreating.Recreate(),
            recreating.WaitHealthyAgain(),
            lifecycle.PublishAgain(),
            reach.VerifyPublic(),
        ),
        failed=_asked_as_before,
    )
)

CLONE = register(
    Kind(
        name="clone",
        title="Make a bot from another one's backup",
        subject_kind="instance",
        load=load_instance,
        steps=(
            restoring.FindBackup(),
            containers.PullImage(),
            restoring.FillNew(),
            *INTO_SERVICE,
        ),
        failed=instance_failed,
    )
)
