"""Worker room: which release a bot may be brought to, and the operation that does it."""

from django.db import transaction
from django.db.models import Q

from fleet.models import Instance, Operation, Release, Rollout
from fleet.operations import ledger
from wopr.common.errors import Refused

KIND, BACK = "update", "roll_back"


def offered(image: str) -> Release | None:
    """The newest release that its canaries have passed; who wants it need not wait for a turn."""
    passed = Q(state=Release.State.GOOD) | Q(
        state=Release.State.CANARY, rollout__state=Rollout.State.ROLLING
    )
    return Release.objects.filter(passed, image=image).order_by("-created_at").first()


def available(instance: Instance) -> Release | None:
    """What the bot would be updated to; None when it runs that, or something newer."""
    release, running = offered(instance.image), instance.release
    if release is None or (running is not None and running.created_at >= release.created_at):
        return None
    return release


def open_update(*, instance: Instance, release: Release, cause: str) -> Operation:
    """Brings the bot to that release. Refused for a bad one, and for a bot that does not run."""
    with transaction.atomic():
        row = _locked(instance)
        if Release.objects.get(pk=release.pk).state == Release.State.BAD:
            raise Refused(
                "release_bad", f"This release is known to be bad: {release.reason}", status=409
            )
        return _open(KIND, row, release, cause)


def open_roll_back(*, instance: Instance, cause: str) -> Operation:
    """Takes the bot back to what it ran before. No rollout brings it forward to this one again."""
    with transaction.atomic():
        row = _locked(instance)
        if row.previous_release is None:
            raise Refused(
                "no_earlier_release",
                f"{row} was not updated before; there is nothing to go back to.",
                status=409,
            )
        return _open(BACK, row, row.previous_release, cause)


def _locked(instance: Instance) -> Instance:
    rows = Instance.objects.select_related("tenant").select_for_update(of=("self",))
    return rows.get(pk=instance.pk)


def _open(kind: str, row: Instance, release: Release, cause: str) -> Operation:
    if row.status != Instance.Status.RUNNING:
        raise Refused(
            "bot_not_running",
            f"{row} is {row.status}; only a bot that runs is brought to another release.",
            status=409,
        )
    if row.release_id == release.pk:
        raise Refused("release_runs_already", f"{row} runs this release already.", status=409)
    return ledger.operation_open(
        kind=kind,
        subject=row,
        tenant=row.tenant,
        cause=cause,
        parameters={"release": str(release.pk)},
    )
