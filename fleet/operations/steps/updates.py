"""Steps that bring a bot to another release, and back to the earlier one when that fails.

What was seen before the update, and which release is wanted, is in the operation's rows; so every
step, and the way back, finds it again after a worker's death.
"""

from typing import Any

from fleet.engines.registry import engine
from fleet.gateways import bot
from fleet.models import Instance, Operation, Release
from fleet.operations.base import Facts, NotYet, Step
from fleet.operations.ledger import live_operation
from fleet.operations.runner import carry_out
from fleet.operations.steps.containers import find_container, is_as_wanted
from fleet.operations.steps.reach import PublishRoute, VerifyPublic
from fleet.operations.steps.recreating import Recreate, WaitHealthyAgain
from wopr.common.errors import ProviderError

NOTE = "note_before"
SWITCH = "switch_release"


class NoteBefore(Step[Instance]):
    """How the bot is before anything is done to it: an update must not leave it worse."""

    name = NOTE
    title = "Look how the bot is now"

    def observe(self, instance: Instance) -> Facts | None:
        if instance.release is None:
            raise ProviderError("No image digest is recorded for this bot.", permanent=True)
        return {
            "release": str(instance.release_id),
            "previous": str(instance.previous_release_id or "") or None,
            "digest": instance.release.digest,
            "healthy": bot.is_healthy(instance.upstream),
            "ready": bot.is_ready(instance.upstream),
        }


class FetchRelease(Step[Instance]):
    """The moving tag is pulled before a container is made; what runs is the digest asked for."""

    name = "fetch_release"
    title = "Fetch the release"

    def observe(self, instance: Instance) -> Facts | None:
        operation, digest = _operation(instance), target(instance).digest
        pulled = operation.parameters.get("moving_tag")
        if pulled is None or not engine(instance.node).has_image(digest):
            return None
        return {"digest": digest, "moving_tag": pulled}

    def act(self, instance: Instance) -> None:
        pulled = engine(instance.node).pull(instance.image)
        Release.objects.update_or_create(image=instance.image, digest=pulled)
        operation = _operation(instance)
        operation.parameters["moving_tag"] = pulled
        # Committed at once: what the tag stood for can be learned only by the pull.
        Operation.objects.filter(pk=operation.pk).update(parameters=operation.parameters)
        _fetch(instance, target(instance).digest)


class FetchEarlier(Step[Instance]):
    """A way back must not depend on a registry: what the node has is not pulled again."""

    name = "fetch_release"
    title = "Have the earlier release at hand"

    def observe(self, instance: Instance) -> Facts | None:
        digest = target(instance).digest
        return {"digest": digest} if engine(instance.node).has_image(digest) else None

    def act(self, instance: Instance) -> None:
        _fetch(instance, target(instance).digest)


class KeepRoute(PublishRoute):
    """A port that was taken meanwhile moves the route; a failed update leaves the route there."""

    title = "See that the route leads to the bot"

    def undo(self, instance: Instance) -> None:
        """The way back publishes it again itself."""


class Replace(Recreate):
    """A release whose container does not even stay up is given up sooner than a new bot's."""

    deadline = 180.0


class SwitchRelease(Step[Instance]):
    """From here on the rows want the other release. Undoing brings the earlier one back, seen."""

    name = SWITCH
    title = "Choose the release"
    way_back: tuple[Step[Instance], ...] = (Replace(), WaitHealthyAgain(), KeepRoute())

    def __init__(self, *, blames: bool) -> None:
        self.blames = blames  # whether the release is bad when the earlier one then works

    def observe(self, instance: Instance) -> Facts | None:
        wanted = target(instance)
        return {"digest": wanted.digest} if instance.release_id == wanted.pk else None

    def act(self, instance: Instance) -> None:
        before = noted(instance)
        Instance.objects.filter(pk=instance.pk, release_id=before["release"]).update(
            release=target(instance), previous_release_id=before["release"]
        )
        instance.refresh_from_db()

    def undo(self, instance: Instance) -> None:
        before = noted(instance)
        Instance.objects.filter(pk=instance.pk).update(
            release_id=before["release"], previous_release_id=before["previous"]
        )
        instance.refresh_from_db()
        _fetch(instance, before["digest"])
        if not before["healthy"]:
            return _put_back(instance)
        for step in (*self.way_back, VerifyPublic()):
            step.record(instance, carry_out(step, instance))
        return self._blame(instance) if self.blames else None

    @staticmethod
    def _blame(instance: Instance) -> None:
        """One that other bots run well already is not bad because one bot cannot use it."""
        reason = f"{instance}: {_operation(instance).error}"
        suspected = Release.objects.filter(pk=target(instance).pk)
        suspected.exclude(state=Release.State.GOOD).update(
            state=Release.State.BAD, reason=reason[:300]
        )

    def resource(self, instance: Instance) -> str:
        return f"the earlier release of {instance}, which was not seen healthy again"


class VerifyReady(Step[Instance]):
    """A bot that had its provider before must have it still."""

    name = "verify_ready"
    title = "See that the bot is as ready as before"
    patience = 15.0
    deadline = 120.0

    def observe(self, instance: Instance) -> Facts | None:
        ready = bot.is_ready(instance.upstream)
        if noted(instance)["ready"] and not ready:
            raise NotYet("the bot was ready before, and is not now")
        return {"ready": ready}

    def act(self, instance: Instance) -> None:
        """Nothing to do but to look again."""

    def record(self, instance: Instance, facts: Facts) -> None:
        Instance.objects.filter(pk=instance.pk).update(provider_ready=facts["ready"])


def target(instance: Instance) -> Release:
    """The release that the operation under way is to bring."""
    return Release.objects.get(pk=_operation(instance).parameters["release"])


def noted(instance: Instance) -> dict[str, Any]:
    """What was seen before anything was changed."""
    facts: dict[str, Any] = _operation(instance).steps.get(name=NOTE).facts
    return facts


def _operation(instance: Instance) -> Operation:
    return live_operation("instance", instance.pk)


def _put_back(instance: Instance) -> None:
    """The earlier container, of a bot that did not answer before either: it need not stay up."""
    replace = Replace()
    if replace.observe(instance) is None:
        replace.act(instance)
    container = find_container(instance)
    if container is None or not is_as_wanted(container, instance):
        raise NotYet(f"the earlier container of {instance} is not there yet")


def _fetch(instance: Instance, digest: str) -> None:
    node = engine(instance.node)
    if not node.has_image(digest):
        node.pull_digest(digest)
