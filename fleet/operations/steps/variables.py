"""Steps that give a bot changed variables, and the earlier ones back if they do it no good."""

from django.db import transaction

from fleet.models import Instance, Variable
from fleet.operations.base import Facts, Step
from fleet.operations.steps.lifecycle import run_again
from fleet.operations.steps.recreating import Recreate


class ApplyVariables(Recreate):
    name = "apply_variables"
    title = "Start the bot with the changed variables"

    def undo(self, instance: Instance) -> None:
        """Back to the values with which it was last seen healthy."""
        with transaction.atomic():
            for variable in instance.variables.select_for_update():
                variable.value = variable.proven
                _settle(variable)
        run_again(instance)


class KeepVariables(Step[Instance]):
    """The bot was seen healthy with them: these are what a later failure returns to."""

    name = "keep_variables"
    title = "Keep the changed variables"

    def observe(self, instance: Instance) -> Facts | None:
        variables = list(instance.variables.all())
        if any(v.value != v.proven or not v.value for v in variables):
            return None
        return {"variables": [v.name for v in variables]}

    def act(self, instance: Instance) -> None:
        with transaction.atomic():
            for variable in instance.variables.select_for_update():
                variable.proven = variable.value
                _settle(variable)


def _settle(variable: Variable) -> None:
    """One without a value has none to be kept for."""
    if variable.value:
        variable.save()
    else:
        variable.delete()
