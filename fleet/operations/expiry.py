"""The end of a bot's last backups, when they are not offered any more."""

from fleet.operations.base import Kind, register
from fleet.operations.provision import load_instance
from fleet.operations.steps.expiry import DropRepository, ForgetBackups

FORGET_BACKUPS = register(
    Kind(
        name="forget_backups",
        title="Delete the last backups",
        subject_kind="instance",
        load=load_instance,
        steps=(ForgetBackups(), DropRepository()),
        undoes=False,
    )
)
