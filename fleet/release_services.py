"""Every write of fleet's surfaces that is about releases: updates, their policy, pins, rollouts."""

from zoneinfo import available_timezones

from django.db import transaction

from fleet import lifecycle, updates
from fleet.models import Instance, Operation, Release, Rollout, TenantPin
from fleet.tasks import operation_run, rollouts_advance
from tenants.models import Tenant
from wopr.common.errors import Refused
from wopr.common.queue import wake


def instance_update(*, instance: Instance, cause: str) -> Operation:
    """Updates the bot now, whatever its policy or a pin says: somebody asked for it."""
    release = updates.available(instance)
    if release is None:
        raise Refused("up_to_date", f"{instance} runs the newest release that is out.", status=409)
    with transaction.atomic():
        lifecycle.insist_possible(kind=updates.KIND, instance=instance)
        operation = updates.open_update(instance=instance, release=release, cause=cause)
        wake(operation_run, operation.pk)
    return operation


def instance_roll_back(*, instance: Instance, cause: str) -> Operation:
    """Takes the bot back to the release before; no rollout brings it forward again to this one."""
    with transaction.atomic():
        lifecycle.insist_possible(kind=updates.BACK, instance=instance)
        operation = updates.open_roll_back(instance=instance, cause=cause)
        wake(operation_run, operation.pk)
    return operation


def instance_policy(*, instance: Instance, policy: str, hour: int, time_zone: str) -> None:
    """When the bot is updated: at once, at night, or when its owner says so."""
    if time_zone not in available_timezones():
        raise Refused(
            "time_zone_unknown",
            f"“{time_zone}” is no time zone. Take one like Europe/Berlin.",
            field="time_zone",
        )
    Instance.objects.filter(pk=instance.pk).update(
        updates=policy, update_hour=hour, time_zone=time_zone
    )


def instance_pin(*, instance: Instance, reason: str) -> None:
    """Keeps rollouts away from the bot."""
    Instance.objects.filter(pk=instance.pk).update(pinned_because=_insist(reason))


def instance_unpin(*, instance: Instance) -> None:
    """Lets rollouts take the bot along again; the last one it missed comes to it now."""
    Instance.objects.filter(pk=instance.pk).update(pinned_because="")


def tenant_pin(*, tenant: Tenant, reason: str, by: str) -> TenantPin:
    """Keeps rollouts away from all bots of the tenant."""
    pin, _ = TenantPin.objects.update_or_create(
        tenant=tenant, defaults={"reason": _insist(reason), "pinned_by": by}
    )
    return pin


def tenant_unpin(*, pin: TenantPin) -> None:
    TenantPin.objects.filter(pk=pin.pk).delete()


def rollout_pause(*, rollout: Rollout, reason: str) -> None:
    """Lets no further update begin; what is under way ends."""
    paused = Rollout.objects.filter(
        pk=rollout.pk, state__in=(Rollout.State.CANARY, Rollout.State.ROLLING)
    ).update(state=Rollout.State.PAUSED, reason=_insist(reason))
    if not paused:
        raise Refused("rollout_not_under_way", "This rollout is not under way.", status=409)


def rollout_continue(*, rollout: Rollout) -> None:
    """Goes on where it was. Of a halted one, the release counts as good enough from here on."""
    with transaction.atomic():
        row = Rollout.objects.select_for_update().get(pk=rollout.pk)
        if row.state not in {Rollout.State.PAUSED, Rollout.State.HALTED}:
            raise Refused("rollout_not_stopped", "This rollout was not stopped.", status=409)
        Release.objects.filter(pk=row.release_id).update(state=Release.State.CANARY, reason="")
        row.state = Rollout.State.ROLLING if row.wave else Rollout.State.CANARY
        row.reason = ""
        row.save()
        wake(rollouts_advance)


def release_reconsider(*, release: Release) -> None:
    """Gives a release that was taken for bad another chance."""
    if Rollout.objects.filter(release=release).exists():
        raise Refused(
            "release_has_rollout",
            "Continue its rollout instead: it begins where it was.",
            status=409,
        )
    bad = Release.objects.filter(pk=release.pk, state=Release.State.BAD)
    if not bad.update(state=Release.State.CANDIDATE, reason=""):
        raise Refused("release_not_bad", "This release is not taken for bad.", status=409)


def _insist(reason: str) -> str:
    if not reason.strip():
        raise Refused("reason_missing", "Say why, for whoever reads it later.", field="reason")
    return reason.strip()[:200]
