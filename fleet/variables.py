"""Worker room: what customers add to a bot's environment: checked, sealed, never shown again."""

import re
from collections.abc import Iterable, Mapping

from django.db import transaction

from fleet import lifecycle
from fleet.models import Instance, Operation, Variable
from wopr.common.errors import Refused

MOST, LONGEST = 64, 8192
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}\Z")
# What the bot's contract, its image or its loader decides.
_OURS = ("WOPR_", "LD_", "DOCKER_")
_RESERVED = frozenset(
    {
        "HOME", "HOSTNAME", "LANG", "LOG_LEVEL", "NODE_OPTIONS", "NODE_PATH", "PATH", "PWD",
        "PYTHONHOME", "PYTHONPATH", "SHELL", "TERM", "TMPDIR", "USER",
    }
)  # fmt: skip


def change(
    *, instance: Instance, values: Mapping[str, str], removed: Iterable[str], cause: str
) -> Operation | None:
    """Writes the values and opens what gives them to the bot; a stopped one gets them at its start.

    Raises Refused, naming the variable, when one of them cannot be.
    """
    for name, value in values.items():
        _insist_valid(name, value)
    with transaction.atomic():
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        operation = None
        if row.status != Instance.Status.STOPPED:
            operation = lifecycle.operation_open(kind="reconfigure", instance=row, cause=cause)
        else:
            lifecycle.insist_possible(kind="start", instance=row)
        _write(row, {**values, **dict.fromkeys(removed, "")})
    return operation


def _write(instance: Instance, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        if value:
            Variable.objects.update_or_create(
                instance=instance, name=name, defaults={"value": value}
            )
        else:  # kept until the bot was seen healthy without it
            instance.variables.filter(name=name).update(value="")
    if sum(1 for v in instance.variables.all() if v.value) > MOST:
        raise Refused("too_many_variables", f"A bot can have {MOST} variables.", field="values")


def _insist_valid(name: str, value: str) -> None:
    if not _NAME.match(name):
        _refuse(name, "use capital letters, digits and underscores, and begin with a letter")
    if name.startswith(_OURS) or name in _RESERVED:
        _refuse(name, "this name is the platform's own")
    if not value or len(value) > LONGEST or "\0" in value:
        _refuse(name, f"a value has 1 to {LONGEST} characters; to take one away, remove it")


def _refuse(name: str, why: str) -> None:
    raise Refused("variable_invalid", f"{name[:64]}: {why}.", field="values")
