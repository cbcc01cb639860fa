"""What a bot's owner asks of it: start, stop, restart, changed variables, another name."""

from fleet.models import Instance
from fleet.operations import silence
from fleet.operations.base import Kind, register
from fleet.operations.ledger import live_operation
from fleet.operations.provision import load_instance
from fleet.operations.steps import (
    letters,
    lifecycle,
    reach,
    recreating,
    renaming,
    sign_on,
    variables,
)
from tenants.models import Message


def _named_as_before(instance: Instance) -> None:
    before = live_operation("instance", instance.pk).parameters["from"]
    Instance.objects.filter(pk=instance.pk).update(slug=before)


START = register(
    Kind(
        name="start",
        title="Start the bot",
        subject_kind="instance",
        load=load_instance,
        steps=(
            lifecycle.StartStopped(),
            recreating.WaitHealthyAgain(),
            variables.KeepVariables(),
            lifecycle.PublishAgain(),
            reach.VerifyPublic(),
        ),
    )
)

STOP = register(
    Kind(
        name="stop",
        title="Stop the bot",
        subject_kind="instance",
        load=load_instance,
        steps=(
            lifecycle.ShowStoppedPage(),
            lifecycle.StopBot(),
            lifecycle.VerifyStopped(),
        ),
        undoes=False,
    )
)

RESTART = register(
    Kind(
        name="restart",
        title="Restart the bot",
        subject_kind="instance",
        load=load_instance,
        steps=(
            lifecycle.Restart(),
            recreating.WaitHealthyAgain(),
            lifecycle.PublishAgain(),
            reach.VerifyPublic(),
        ),
        failed=silence.note,
        undoes=False,
    )
)

# A bot that its owner had stopped before it was suspended is stopped again, not started.
RESUME_STOPPED = register(
    Kind(
        name="resume_stopped",
        title="Bring the stopped bot back",
        subject_kind="instance",
        load=load_instance,
        steps=(
            lifecycle.ShowStoppedPage(),
            lifecycle.VerifyStopped(),
            letters.Tell(Message.Kind.RESTORED, title="Tell the customer"),
        ),
        undoes=False,
    )
)

RECONFIGURE = register(
    Kind(
        name="reconfigure",
        title="Change the bot's variables",
        subject_kind="instance",
        load=load_instance,
        steps=(
            variables.ApplyVariables(),
            recreating.WaitHealthyAgain(),
            lifecycle.PublishAgain(),
            reach.VerifyPublic(),
            variables.KeepVariables(),
        ),
        failed=silence.note_if_left,
    )
)

RENAME = register(
    Kind(
        name="rename",
        title="Rename the bot",
        subject_kind="instance",
        load=load_instance,
        steps=(
            renaming.PublishNewRoute(),
            reach.PublishRecord(),
            reach.VerifyPublic(),
            renaming.RemoveOldRecord(),
            renaming.RemoveOldRoute(),
            sign_on.AdmitPeople(),
            sign_on.OpenDoor(),
        ),
        failed=_named_as_before,
    )
)
