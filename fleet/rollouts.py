"""Worker room: brings releases to the bots: a chosen few first, then wave by wave, each gated.

Level-triggered: every look compares the rows with the bots and does what is next. A member's
operation takes its bot back by itself when it fails; here the rollout is halted for it.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from fleet import gates, turns, updates
from fleet.models import Instance, Operation, Release, Rollout, RolloutMember, Step
from fleet.operations.steps.updates import NOTE, SWITCH
from tenants import alarms
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
Member = RolloutMember.State


def advance() -> list[Operation]:
    """Takes every rollout as far as it may go now; answers with the operations it opened."""
    opened: list[Operation] = []
    for image in Release.objects.order_by().values_list("image", flat=True).distinct():
        _begin(image)
    for rollout in _at_work():
        opened += _advance(rollout)
    return opened


def _at_work() -> list[Rollout]:
    """What is under way, and the newest finished one of each image, which latecomers join."""
    newest = Rollout.objects.filter(release__state=Release.State.GOOD).order_by(
        "image", "-created_at"
    )
    last = newest.distinct("image").values_list("pk", flat=True)
    found = Rollout.objects.filter(Q(state__in=Rollout.OPEN) | Q(pk__in=list(last)))
    return list(found.select_related("release"))


def _begin(image: str) -> None:
    """Opens a rollout of what is behind the moving tag, unless it had one."""
    newest = Release.objects.filter(image=image).order_by("-seen_at").first()
    if newest is None or newest.state != Release.State.CANDIDATE:
        return
    with transaction.atomic():
        release = Release.objects.select_for_update().get(pk=newest.pk)
        if Rollout.objects.filter(release=release).exists() or not _make_way(release):
            return
        # Where all bots run it already, or are updated by hand, nobody has to go first.
        if Instance.objects.filter(image=image, status=Instance.Status.RUNNING).exists():
            _open(release, list(turns.eligible(release)))


def _make_way(release: Release) -> bool:
    """Ends an older rollout of the image. One that staff paused, or that is at work, stays."""
    older = (
        Rollout.objects.select_for_update()
        .filter(image=release.image, state__in=Rollout.OPEN)
        .first()
    )
    if older is None:
        return True
    at_work = older.members.filter(state=Member.UPDATING).exists()
    if older.state == Rollout.State.PAUSED or at_work:
        return False
    reason = f"superseded by {release.digest.rpartition('@')[2]}"
    older.members.filter(state=Member.WAITING).update(state=Member.LEFT_OUT, reason=reason)
    older.state, older.finished_at = Rollout.State.DONE, timezone.now()
    older.reason = f"{older.reason}\n{reason}".strip()
    older.save()
    return True


def _open(release: Release, bots: list[Instance]) -> None:
    rollout = Rollout.objects.create(release=release, image=release.image)
    RolloutMember.objects.bulk_create(
        RolloutMember(rollout=rollout, instance=bot, wave=wave) for bot, wave in turns.waves(bots)
    )
    _judge(release, Release.State.CANARY)
    logger.info("the rollout of %s begins with %s bots to update", release, len(bots))


def _advance(rollout: Rollout) -> list[Operation]:
    _settle(rollout)
    rollout.refresh_from_db()
    if rollout.state in {Rollout.State.PAUSED, Rollout.State.HALTED}:
        return []
    if rollout.state == Rollout.State.DONE:
        turns.join(rollout)
    elif rollout.release.state == Release.State.BAD:
        halt(rollout, rollout.release.reason)
        return []
    elif _wave_is_over(rollout):
        return _go_on(rollout)
    return _open_updates(rollout)


def _settle(rollout: Rollout) -> None:
    """Writes down how the updates ended; one that failed halts what is under way."""
    ended = rollout.members.filter(state=Member.UPDATING, operation__finished_at__isnull=False)
    for member in ended.select_related("instance", "operation"):
        operation = member.operation
        assert operation is not None  # noqa: S101  # nosec B101  (the filter asks for its end)
        if operation.state == Operation.State.SUCCEEDED:
            _mark(member, Member.UPDATED)
            continue
        went_back = operation.steps.filter(name=SWITCH, state=Step.State.UNDONE).exists()
        _mark(member, Member.ROLLED_BACK if went_back else Member.FAILED, operation.error)
        if _was_well(operation):
            halt(rollout, f"{member.instance}: {operation.error}")


def _was_well(operation: Operation) -> bool:
    """A bot that did not answer before the update says nothing about the release."""
    note = operation.steps.filter(name=NOTE).first()
    return note is None or bool(note.facts.get("healthy", True))


def _wave_is_over(rollout: Rollout) -> bool:
    members = rollout.members.filter(wave__lte=rollout.wave)
    if members.filter(state__in=(Member.WAITING, Member.UPDATING)).exists():
        return False
    lately = timezone.now() - timedelta(minutes=settings.WOPR_ROLLOUT_SOAK_MINUTES)
    return not members.filter(state=Member.UPDATED, operation__finished_at__gt=lately).exists()


def _go_on(rollout: Rollout) -> list[Operation]:
    """From one wave to the next, if every bot of this one is still as well as it was before."""
    for member in rollout.members.filter(wave=rollout.wave, state=Member.UPDATED):
        if fault := gates.fault(member):
            return _fail(rollout, member, fault)
    following = rollout.members.filter(wave__gt=rollout.wave, state=Member.WAITING).first()
    if following is None:
        _finish(rollout)
        return []
    _under_way(rollout).update(state=Rollout.State.ROLLING, wave=following.wave)
    rollout.refresh_from_db()
    return _open_updates(rollout)


def _fail(rollout: Rollout, member: RolloutMember, fault: str) -> list[Operation]:
    """A bot that got worse after its update goes back, too."""
    reason = f"{member.instance}: {fault}"
    _judge(rollout.release, Release.State.BAD, reason)
    halt(rollout, reason)
    try:
        operation = updates.open_roll_back(instance=member.instance, cause=f"rollout: {fault}")
    except Refused as refusal:
        _mark(member, Member.FAILED, f"{fault}; {refusal}")
        return []
    _mark(member, Member.ROLLED_BACK, fault)
    return [operation]


def _finish(rollout: Rollout) -> None:
    done = _under_way(rollout).update(state=Rollout.State.DONE, finished_at=timezone.now())
    if done:
        number = Instance.objects.filter(
            release=rollout.release, status=Instance.Status.RUNNING
        ).count()
        _judge(rollout.release, Release.State.GOOD, f"{number} bots run it")
        logger.info("the rollout of %s is done", rollout.release)


def _open_updates(rollout: Rollout) -> list[Operation]:
    """As many as may be under way at once, of the waves that have begun."""
    opened: list[Operation] = []
    free = (
        settings.WOPR_ROLLOUT_AT_ONCE - Operation.objects.live().filter(kind=updates.KIND).count()
    )
    waiting = rollout.members.filter(state=Member.WAITING, wave__lte=rollout.wave)
    for member in waiting.select_related("instance__tenant"):
        if len(opened) >= free:
            break
        if operation := _take_turn(rollout, member):
            opened.append(operation)
    return opened


def _take_turn(rollout: Rollout, member: RolloutMember) -> Operation | None:
    """Opens the bot's update, leaves the bot out, or lets it wait for its time."""
    instance = member.instance
    if instance.release_id == rollout.release_id:
        _mark(member, Member.UPDATED, "it ran the release already")
        return None
    if not turns.eligible(rollout.release).filter(pk=instance.pk).exists():
        _mark(member, Member.LEFT_OUT, turns.why_not(instance))
        return None
    if not turns.may_begin(instance, timezone.now()):
        return None
    with transaction.atomic():
        if not _under_way(rollout, joined=True).select_for_update().exists():
            return None  # paused or halted at this moment
        try:
            operation = updates.open_update(
                instance=instance, release=rollout.release, cause=f"rollout: wave {member.wave}"
            )
        except Refused as refusal:
            logger.info("%s waits for its update: %s", instance, refusal)
            return None
        member.operation = operation
        _mark(member, Member.UPDATING)
    return operation


def halt(rollout: Rollout, reason: str) -> None:
    """Nothing more begins until a person decides. A finished rollout has nothing to halt."""
    halted = _under_way(rollout).update(state=Rollout.State.HALTED, reason=reason)
    if halted:
        logger.error("the rollout of %s was halted: %s", rollout.release, reason)
        _tell_staff(rollout, reason)


def _tell_staff(rollout: Rollout, reason: str) -> None:
    page = f"{settings.WOPR_DASHBOARD_URL}/admin/fleet/rollout/{rollout.pk}/change/"
    alarms.staff_told(
        subject=f"The rollout of {rollout.image} was halted", text=f"{reason}\n\n{page}"
    )


def _under_way(rollout: Rollout, *, joined: bool = False) -> QuerySet[Rollout]:
    states = {Rollout.State.CANARY, Rollout.State.ROLLING}
    if joined:
        states.add(Rollout.State.DONE)
    return Rollout.objects.filter(pk=rollout.pk, state__in=states)


def _mark(member: RolloutMember, state: str, reason: str = "") -> None:
    member.state, member.reason = state, reason[:300]
    member.save()


def _judge(release: Release, state: str, reason: str = "") -> None:
    """By a plain update: the row's own time says when the digest was seen behind its tag."""
    Release.objects.filter(pk=release.pk).update(state=state, reason=reason[:300])
