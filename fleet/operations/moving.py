"""Bringing a bot to another machine: with its data, or from a backup when its own is dead."""

from fleet.models import Instance
from fleet.operations.base import Kind, register
from fleet.operations.provision import load_instance
from fleet.operations.silence import note_if_left
from fleet.operations.steps import letters, moving, reach, recreating, repairing, restoring
from fleet.operations.steps.conditions import Only, is_to_rest, is_to_run
from fleet.operations.steps.moving import In, at_source, at_target
from tenants.models import Message


def _stays(instance: Instance) -> None:
    """Everything was taken back, or is on the books; the other place is given free."""
    moving.give_free(instance)
    note_if_left(instance)


class VerifyMoved(reach.VerifyPublic):
    """A bot that ran before answers at once, or it is better off where it was."""

    deadline = 180.0


FETCH = In(
    at_target,
    repairing.HaveImage(),
    name="fetch_image",
    title="Fetch the bot's image at the new place",
)
START = In(
    at_target, moving.StartThere(), name="start_there", title="Start the bot at the new place"
)
ANSWER = In(
    at_target,
    recreating.WaitHealthyAgain(),
    name="wait_healthy",
    title="Wait for the bot to answer at the new place",
)

MOVE = register(
    Kind(
        name="move",
        title="Move the bot to another machine",
        subject_kind="instance",
        load=load_instance,
        steps=(
            In(
                at_source,
                repairing.InsistOnData(),
                name="insist_on_data",
                title="See that the bot's data is there",
            ),
            FETCH,
            In(at_source, moving.StopThere(), name="stop_there", title="Stop the bot for the copy"),
            moving.CopyData(),
            Only(START, when=is_to_run),
            Only(ANSWER, when=is_to_run),
            moving.SwitchPlace(),
            Only(VerifyMoved(), when=is_to_run),
            moving.RemoveThere(),
            moving.EndMove(),
        ),
        failed=_stays,
    )
)

EVACUATE = register(
    Kind(
        name="evacuate",
        title="Restore the bot on another machine",
        subject_kind="instance",
        load=load_instance,
        steps=(
            restoring.FindBackup(),
            FETCH,
            In(
                at_target,
                restoring.FillNew(),
                name="fill_data",
                title="Write the backup's data at the new place",
            ),
            Only(
                In(
                    at_target,
                    repairing.BringDown(),
                    name="bring_down",
                    title="Keep the bot stopped there",
                ),
                when=is_to_rest,
            ),
            Only(START, when=is_to_run),
            Only(ANSWER, when=is_to_run),
            moving.SwitchPlace(),
            Only(VerifyMoved(), when=is_to_run),
            moving.EndMove(),
            letters.Tell(Message.Kind.RECOVERED, title="Tell the customer"),
        ),
        failed=_stays,
    )
)
