"""Worker room: whether a bot that a rollout updated is still as well as it was before."""

import time

from fleet.gateways import bot
from fleet.models import Instance, RolloutMember
from fleet.operations.steps.updates import NOTE

LOOKS, PAUSE = 3, 2.0  # a plug-in search may block a bot for a while; one miss means nothing


def fault(member: RolloutMember) -> str:
    """What is wrong with the bot since its update; empty if nothing, or if it is no longer ours.

    A bot that was stopped, suspended or moved to another release meanwhile says nothing.
    """
    instance = Instance.objects.select_related("node").get(pk=member.instance_id)
    is_ours = instance.release_id == member.rollout.release_id
    if not is_ours or instance.status != Instance.Status.RUNNING:
        return ""
    if instance.crashing_since:
        return "it ends again and again since its update"
    return _patiently(instance, was_ready=_was_ready(member))


def _patiently(instance: Instance, *, was_ready: bool) -> str:
    for look in range(LOOKS):
        time.sleep(PAUSE if look else 0)
        found = _look(instance, was_ready=was_ready)
        if not found:
            return ""
    return found


def _look(instance: Instance, *, was_ready: bool) -> str:
    if not bot.is_served(instance.hostname):
        return "it does not answer under its public name"
    if was_ready and not bot.is_ready(instance.upstream):
        return "it was ready before its update, and is not now"
    return ""


def _was_ready(member: RolloutMember) -> bool:
    if member.operation is None:
        return False
    note = member.operation.steps.filter(name=NOTE).first()
    return bool(note and note.facts.get("ready"))
