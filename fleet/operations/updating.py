"""Updating a bot, and taking it back to what it ran before. Whatever fails, it runs one of the two.

Undoing means going back: the earlier digest is made to run again and is seen to be healthy.
"""

from fleet.models import Backup, Instance
from fleet.operations.base import Kind, Step, register
from fleet.operations.provision import load_instance
from fleet.operations.silence import note_if_left
from fleet.operations.steps import updates
from fleet.operations.steps.backups import ProveBackup, TakeBackup
from fleet.operations.steps.reach import VerifyPublic
from fleet.operations.steps.recreating import WaitHealthyAgain


def _steps(fetch: Step[Instance], *, blames: bool) -> tuple[Step[Instance], ...]:
    return (
        updates.NoteBefore(),
        fetch,
        TakeBackup(Backup.Reason.UPDATE),
        ProveBackup(),
        updates.SwitchRelease(blames=blames),
        updates.Replace(),
        WaitHealthyAgain(),
        updates.KeepRoute(),
        VerifyPublic(),
        updates.VerifyReady(),
    )


UPDATE = register(
    Kind(
        name="update",
        title="Update the bot",
        subject_kind="instance",
        load=load_instance,
        steps=_steps(updates.FetchRelease(), blames=True),
        failed=note_if_left,
    )
)

ROLL_BACK = register(
    Kind(
        name="roll_back",
        title="Go back to the earlier release",
        subject_kind="instance",
        load=load_instance,
        steps=_steps(updates.FetchEarlier(), blames=False),
        failed=note_if_left,
    )
)
