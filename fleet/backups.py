"""Worker room: nightly backups, proofs of old ones, and whoever has neither for too long.

Level-triggered: what is due is read from the rows of what was done, so that a night missed by a
beat that was down is made good as soon as it runs again.
"""

import logging
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from fleet import lifecycle
from fleet.models import Backup, Instance, Operation
from tenants import alarms
from wopr.common.correlation import correlation, new_id
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
# A backup or a proof that failed is not tried again before this.
PAUSE = timedelta(hours=1)
# The night begins at this local hour and lasts so long; each bot has its own minute of it.
NIGHT_BEGINS, NIGHT_LASTS = 1, timedelta(hours=4)
_ALIVE = (Instance.Status.RUNNING, Instance.Status.STOPPED)


def nightly() -> list[Operation]:
    """Opens what is due tonight, and no more at once than the workers should copy."""
    room = settings.WOPR_BACKUPS_AT_ONCE - _live().count()
    due = [i for i in _idle("backup") if not _backed_up_since(i, last_turn(i, timezone.now()))]
    return [opened for i in due[: max(room, 0)] if (opened := _open_nightly(i))]


def proofs() -> list[Operation]:
    """Opens a proof of each tenant's backup that was proven longest ago, when that is too long."""
    long_ago = timezone.now() - timedelta(days=settings.WOPR_PROOF_DAYS)
    room = settings.WOPR_BACKUPS_AT_ONCE - _live().count()
    oldest = (
        _kept()
        .filter(proven_at__lt=long_ago, instance__in=_idle("prove"))
        .order_by("instance__tenant_id", "proven_at")
        .distinct("instance__tenant_id")
    )
    # Of all tenants, those who have waited longest come first.
    due = Backup.objects.filter(pk__in=oldest.values("pk")).order_by("proven_at")
    turns = due.select_related("instance__tenant")[: max(room, 0)]
    return [opened for backup in turns if (opened := _open_proof(backup))]


def last_turn(instance: Instance, now: datetime) -> datetime:
    """When the bot's turn was last: at its own minute of its tenant's night."""
    zone = ZoneInfo(instance.time_zone)
    offset = timedelta(seconds=instance.pk.int % int(NIGHT_LASTS.total_seconds()))
    today = now.astimezone(zone).date()
    turns = (
        datetime.combine(day, time(NIGHT_BEGINS), tzinfo=zone) + offset
        for day in (today, today - timedelta(days=1))
    )
    return next(turn for turn in turns if turn <= now)


def overdue() -> QuerySet[Instance]:
    """Bots that live and have no backup of these days that was seen to restore."""
    since = timezone.now() - timedelta(days=settings.WOPR_BACKUP_OVERDUE_DAYS)
    fresh = _kept().filter(instance=OuterRef("pk"), taken_at__gte=since)
    return Instance.objects.filter(~Exists(fresh), status__in=_ALIVE, created_at__lt=since)


def unproven() -> QuerySet[Instance]:
    """Bots with a kept backup that nobody has restored for twice as long as it should be."""
    long_ago = timezone.now() - 2 * timedelta(days=settings.WOPR_PROOF_DAYS)
    proven = _kept().values("instance").annotate(newest=Max("proven_at"))
    stale = proven.filter(newest__lt=long_ago).values("instance")
    return Instance.objects.filter(pk__in=stale, status__in=_ALIVE)


def alarm() -> int:
    """Tells staff whose backups or proofs have stopped. Returns of how many bots it told."""
    late, stale = list(overdue()), list(unproven())
    if not late and not stale:
        return 0
    lines = [f"{bot.slug}: no proven backup since {_last(bot)}" for bot in late]
    lines += [f"{bot.slug}: its backups were not proven lately" for bot in stale]
    logger.error("backups are overdue: %s", "; ".join(lines))
    alarms.staff_told(
        subject=f"Backups of {len(lines)} bots are overdue",
        text="\n".join([*lines, "", f"{settings.WOPR_DASHBOARD_URL}/admin/fleet/instance/"]),
    )
    return len(lines)


def _last(instance: Instance) -> str:
    newest = _kept().filter(instance=instance).order_by("-taken_at").first()
    return f"{newest.taken_at:%Y-%m-%d %H:%M}" if newest else "it exists"


def _kept() -> QuerySet[Backup]:
    return Backup.objects.filter(proven_at__isnull=False, forgotten_at__isnull=True)


def _live() -> QuerySet[Operation]:
    return Operation.objects.live().filter(kind__in=("backup", "prove"))


def _idle(kind: str) -> QuerySet[Instance]:
    """Bots that live, with no operation now, and none of this kind that failed a moment ago."""
    failed_lately = Q(kind=kind, state=Operation.State.FAILED)
    failed_lately &= Q(finished_at__gt=timezone.now() - PAUSE)
    busy = Operation.objects.filter(
        Q(finished_at__isnull=True) | failed_lately, subject_kind="instance"
    )
    return (
        Instance.objects.filter(status__in=_ALIVE)
        .exclude(pk__in=busy.values("subject_id"))
        .annotate(last_backup=Max("backups__taken_at"))
        .order_by(F("last_backup").asc(nulls_first=True))
        .select_related("tenant")
    )


def _backed_up_since(instance: Instance, turn: datetime) -> bool:
    newest: datetime | None = getattr(instance, "last_backup", None)
    return instance.created_at > turn or (newest is not None and newest >= turn)


def _open_nightly(instance: Instance) -> Operation | None:
    return _open("backup", instance, {"reason": Backup.Reason.NIGHTLY}, "schedule: nightly")


def _open_proof(backup: Backup) -> Operation | None:
    cause = f"schedule: proven {backup.proven_at:%Y-%m-%d}"
    return _open("prove", backup.instance, {"backup": str(backup.pk)}, cause)


def _open(
    kind: str, instance: Instance, parameters: dict[str, str], cause: str
) -> Operation | None:
    with correlation(new_id()):
        try:
            return lifecycle.operation_open(
                kind=kind, instance=instance, cause=cause, parameters=parameters
            )
        except Refused as refusal:
            logger.info("%s of %s waits: %s", kind, instance, refusal)
            return None
