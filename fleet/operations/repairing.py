"""Repairing a bot, and dealing with what runs or lies where it has no place."""

from uuid import UUID

from fleet.models import Drift
from fleet.operations.base import Kind, register
from fleet.operations.provision import load_instance
from fleet.operations.steps import reach, recreating, repairing
from fleet.operations.steps.conditions import Only, is_to_rest, is_to_run


def load_drift(drift_id: UUID) -> Drift:
    return Drift.objects.select_related("node", "instance").get(pk=drift_id)


REPAIR = register(
    Kind(
        name="repair",
        title="Repair the bot",
        subject_kind="instance",
        load=load_instance,
        steps=(
            repairing.HaveImage(),
            repairing.InsistOnData(),
            repairing.AdjustLimits(),
            Only(repairing.BringDown(), when=is_to_rest),
            Only(repairing.BringUp(), when=is_to_run),
            Only(recreating.WaitHealthyAgain(), when=is_to_run),
            Only(repairing.KeepRoute(), when=is_to_run),
            Only(reach.VerifyPublic(), when=is_to_run),
        ),
        undoes=False,
    )
)

FENCE = register(
    Kind(
        name="fence",
        title="Stop what must not run there",
        subject_kind="drift",
        load=load_drift,
        steps=(repairing.StopStray(),),
        undoes=False,
    )
)

CLEAN = register(
    Kind(
        name="clean",
        title="Remove what was left behind",
        subject_kind="drift",
        load=load_drift,
        steps=(repairing.RemoveStray(),),
        undoes=False,
    )
)
