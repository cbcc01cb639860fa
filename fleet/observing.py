"""Worker room: what bots use and what happens to them, read from their node's engine into rows.

One worker looks at a node at a time; a node whose engine is away keeps one worker waiting and no
more. The events' cursor is by the engine's clock and moves only with the rows that it stands for,
so nothing is left out, and what is read twice is one row.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Avg, Count, Max, Q
from django.db.models.functions import TruncHour
from django.utils import timezone

from fleet.engines.base import ContainerEvent, ContainerUse
from fleet.engines.registry import engine
from fleet.models import Instance, InstanceEvent, Lookout, Node, Sample

logger = logging.getLogger(__name__)
HOLD = timedelta(seconds=180)  # longer than an engine that does not answer is waited for
FIRST_LOOK = timedelta(hours=1)  # how far back a node's first reading of events goes
OVERLAP = timedelta(seconds=5)  # events of the same moment may be told after the cursor
STALE = timedelta(minutes=15)  # a reading of the disk that is older says nothing about now


def node_observe(*, node_id: UUID) -> None:
    """Events first: they are one call, which shows whether the engine answers at all."""
    with _held(node_id) as lookout:
        if lookout is None:
            return
        read_events(lookout)
        read_uses(lookout.node)


@contextmanager
def _held(node_id: UUID) -> Iterator[Lookout | None]:
    """The node's lookout for this worker alone, or None while another has it."""
    now = timezone.now()
    lookout, _ = Lookout.objects.select_related("node").get_or_create(node_id=node_id)
    free = Q(held_until__isnull=True) | Q(held_until__lte=now)
    mine = Lookout.objects.filter(free, pk=lookout.pk).update(held_until=now + HOLD)
    try:
        yield lookout if mine else None
    finally:
        if mine:
            Lookout.objects.filter(pk=lookout.pk).update(held_until=None)


def read_events(lookout: Lookout) -> None:
    """Stores what happened since the last reading."""
    since = lookout.events_until or timezone.now() - FIRST_LOOK
    label = f"wopr.deployment={settings.WOPR_DEPLOYMENT}"
    told, until = engine(lookout.node).container_events(label, since - OVERLAP)
    with transaction.atomic():
        _store_events(lookout.node, told)
        Lookout.objects.filter(pk=lookout.pk).update(events_until=until)


def _store_events(node: Node, told: list[ContainerEvent]) -> None:
    bots = {str(pk): pk for pk in node.instances.values_list("pk", flat=True)}
    rows = [
        InstanceEvent(
            instance_id=bots[event.labels["wopr.instance"]],
            kind=event.what,
            happened_at=event.at,
            exit_code=event.exit_code,
        )
        for event in told
        if event.labels.get("wopr.instance") in bots
    ]
    InstanceEvent.objects.bulk_create(rows, ignore_conflicts=True)
    _note_exit_codes(row for row in rows if row.kind == InstanceEvent.Kind.ENDED)


def _note_exit_codes(ends: Iterable[InstanceEvent]) -> None:
    last = {row.instance_id: row for row in sorted(ends, key=lambda row: row.happened_at)}
    for instance_id, row in last.items():
        Instance.objects.filter(pk=instance_id).update(exit_code=row.exit_code)


def read_uses(node: Node) -> None:
    """One sample of each bot that runs on the node."""
    bots = list(node.instances.filter(status=Instance.Status.RUNNING))
    uses = engine(node).container_uses(bot.container_name for bot in bots)
    now = timezone.now()
    before = _newest_samples(bots)
    Sample.objects.bulk_create(
        _sample(bot, uses[bot.container_name], now, before.get(bot.pk))
        for bot in bots
        if bot.container_name in uses
    )


def _newest_samples(bots: list[Instance]) -> dict[UUID, Sample]:
    newest = Sample.objects.filter(instance__in=bots).order_by("instance_id", "-taken_at")
    return {sample.instance_id: sample for sample in newest.distinct("instance_id")}


def _sample(bot: Instance, use: ContainerUse, now: datetime, before: Sample | None) -> Sample:
    return Sample(
        instance=bot,
        taken_at=now,
        cpu_millis=_mean_cpu(use, now, before),
        cpu_ns=use.cpu_ns,
        memory=use.memory,
        received=use.received,
        sent=use.sent,
        disk=bot.disk_used if bot.disk_seen_at and now - bot.disk_seen_at < STALE else None,
    )


def _mean_cpu(use: ContainerUse, now: datetime, before: Sample | None) -> int:
    """Thousandths of a CPU since the reading before; a counter that went back began anew."""
    if before is None:
        return 0
    spent = use.cpu_ns - (before.cpu_ns if use.cpu_ns >= before.cpu_ns else 0)
    passed = (now - before.taken_at).total_seconds()
    return round(spent / 1e6 / passed) if passed > 0 else 0


def samples_thin() -> None:
    """Leaves one sample an hour of what is older than the raw ones, and none of what is too old."""
    now = timezone.now()
    old = now - timedelta(hours=settings.WOPR_SAMPLES_RAW_HOURS)
    Sample.objects.filter(taken_at__lt=now - timedelta(days=settings.WOPR_SAMPLES_DAYS)).delete()
    crowded = (
        Sample.objects.filter(taken_at__lt=old.replace(minute=0, second=0, microsecond=0))
        .annotate(hour=TruncHour("taken_at"))
        .values("instance", "hour")
        .annotate(n=Count("pk"), cpu=Avg("cpu_millis"), mean=Avg("memory"), last=Max("taken_at"))
        .filter(n__gt=1)
        .order_by()
    )
    for hour in crowded:
        _thin_hour(**hour)


def _thin_hour(
    *, instance: UUID, hour: datetime, n: int, cpu: float, mean: float, last: datetime
) -> None:
    """The hour's last sample stays, with the means of all; counters are those of its end."""
    rows = Sample.objects.filter(
        instance=instance, taken_at__gte=hour, taken_at__lt=hour + timedelta(hours=1)
    )
    with transaction.atomic():
        rows.filter(taken_at=last).update(cpu_millis=round(cpu), memory=round(mean))
        rows.exclude(taken_at=last).delete()


def events_forget() -> None:
    """Deletes events that nobody looks at any more."""
    long_ago = timezone.now() - timedelta(days=settings.WOPR_EVENTS_DAYS)
    InstanceEvent.objects.filter(happened_at__lt=long_ago).delete()
