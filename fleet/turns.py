"""Worker room: whose turn it is in a rollout: the canaries, the waves, the latecomers."""

import math
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from fleet.models import Instance, Release, Rollout, RolloutMember, TenantPin

Member = RolloutMember.State


def eligible(release: Release) -> QuerySet[Instance]:
    """Bots that a rollout may bring to the release.

    Not those that were taken back from it, nor any that runs something newer.
    """
    return (
        Instance.objects.filter(
            image=release.image,
            status=Instance.Status.RUNNING,
            desired=Instance.Desired.RUNNING,
            pinned_because="",
            tenant__release_pin__isnull=True,
            crashing_since__isnull=True,
            release__created_at__lt=release.created_at,
        )
        .exclude(updates=Instance.Updates.MANUAL)
        .exclude(previous_release=release)
        .select_related("tenant")
        .order_by("created_at")
    )


def why_not(instance: Instance) -> str:
    """Why a rollout leaves the bot out."""
    if instance.pinned_because:
        return f"pinned: {instance.pinned_because}"
    if pin := TenantPin.objects.filter(tenant=instance.tenant).first():
        return f"its tenant is pinned: {pin.reason}"
    if instance.updates == Instance.Updates.MANUAL:
        return "its owner updates it by hand"
    if instance.crashing_since:
        return "it ends again and again"
    return f"it is {instance.status}, or was taken back from this release"


def may_begin(instance: Instance, now: datetime) -> bool:
    """Whether an update that nobody asked for may begin now."""
    if instance.updates == Instance.Updates.NIGHTLY:
        return now.astimezone(ZoneInfo(instance.time_zone)).hour == instance.update_hour
    return instance.updates == Instance.Updates.AUTOMATIC


def waves(bots: list[Instance]) -> list[tuple[Instance, int]]:
    """Each bot with its wave. Wave 0 are the canaries; nightly bots come last, each in its hour."""
    at_once = [bot for bot in bots if bot.updates == Instance.Updates.AUTOMATIC]
    nightly = [bot for bot in bots if bot.updates == Instance.Updates.NIGHTLY]
    canaries = _canaries(at_once or nightly)
    rest = [bot for bot in at_once if bot not in canaries]
    turns = [(bot, 0) for bot in canaries]
    for number, (first, end) in enumerate(_bounds(len(rest)), 1):
        turns += [(bot, number) for bot in rest[first:end]]
    last = len(settings.WOPR_ROLLOUT_WAVES) + 1
    return turns + [(bot, last) for bot in nightly if bot not in canaries]


def _canaries(bots: list[Instance]) -> list[Instance]:
    """Of the tenants that staff chose, then the newest, which have the least to lose."""
    chosen = [bot for bot in bots if bot.tenant.slug in settings.WOPR_ROLLOUT_CANARY_TENANTS]
    others = [bot for bot in reversed(bots) if bot not in chosen]
    return [*chosen, *others][: settings.WOPR_ROLLOUT_CANARIES]


def _bounds(number: int) -> list[tuple[int, int]]:
    """The waves' shares, which are percentages of all that are reached by then, as slices."""
    shares = [*settings.WOPR_ROLLOUT_WAVES[:-1], 100]
    return list(pairwise([0, *(math.ceil(number * share / 100) for share in shares)]))


def join(rollout: Rollout) -> None:
    """Lets bots in that could not be updated when it was their turn: stopped, pinned, suspended.

    Each gets one turn; not while a newer release is on its way to them.
    """
    newer = Rollout.objects.filter(image=rollout.image, state__in=Rollout.OPEN)
    if newer.exclude(state=Rollout.State.HALTED).exists():
        return
    late = eligible(rollout.release)
    again = rollout.members.filter(state=Member.LEFT_OUT, instance__in=late)
    again.update(state=Member.WAITING, reason="")
    new = late.exclude(rollouts__rollout=rollout)
    RolloutMember.objects.bulk_create(
        [RolloutMember(rollout=rollout, instance=bot, wave=rollout.wave) for bot in new],
        ignore_conflicts=True,
    )
