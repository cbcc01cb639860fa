"""Worker room: what is done about differences: by itself where it is ours and safe, else asked.

Safe is what loses no data: to start, to stop, to make a container anew around its volume. What
lost its volume, and what is not ours, waits for a person.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from fleet import lifecycle
from fleet.models import Drift, Instance, Node, Operation, Release
from fleet.operations import ledger
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
Kind = Drift.Kind
OF_BOTS = (
    Kind.MISSING,
    Kind.STOPPED,
    Kind.RUNNING_THOUGH_STOPPED,
    Kind.RUNNING_THOUGH_SUSPENDED,
    Kind.WRONG_DIGEST,
    Kind.WRONG_LIMITS,
    Kind.WRONG_LABELS,
    Kind.WRONG_PORT,
    Kind.SILENT,
)
REMOVABLE = (Kind.UNKNOWN_CONTAINER, Kind.UNKNOWN_VOLUME)
# A repair that failed is not tried again before this; and a node is not flooded with them.
PAUSE = timedelta(minutes=10)
AT_ONCE = 10


def open_due(*, node: Node) -> list[Operation]:
    """Opens what the differences on a node ask for and may be done without a person."""
    opened = [_open(drift) for drift in _strays(node)]
    room = AT_ONCE - Operation.objects.live().filter(kind="repair").count()
    for drift in _first_of_each(_broken(node))[: max(room, 0)]:
        opened.append(_open(drift))
    return [operation for operation in opened if operation is not None]


def drift_repair(*, drift: Drift, cause: str) -> Operation:
    """The same for one difference, because a person asks. Raises Refused where nothing is safe."""
    kind = _remedy(drift)
    if kind is None:
        raise Refused(
            "drift_not_repairable",
            "Nothing can be done about this without losing data or touching what is not ours.",
            status=409,
        )
    return _opened(drift, kind, cause)


def drift_clean(*, drift: Drift, cause: str) -> Operation:
    """Removes something of ours that has no place where it is, with the data in it."""
    if drift.kind not in REMOVABLE or drift.instance_id is None:
        raise Refused(
            "drift_not_removable",
            "Only what carries our label and belongs to a bot that is not there is removed.",
            status=409,
        )
    return _opened(drift, "clean", cause)


def drift_adopt(*, drift: Drift, cause: str) -> Operation | None:
    """What is seen becomes what is wanted. Raises Refused where the plan decides, or nobody."""
    if drift.instance is None or drift.resolved_at is not None:
        raise Refused("drift_not_adoptable", "There is no bot to adopt this for.", status=409)
    if drift.kind == Kind.STOPPED:
        return lifecycle.operation_open(kind="stop", instance=drift.instance, cause=cause)
    if drift.kind == Kind.RUNNING_THOUGH_STOPPED:
        return lifecycle.operation_open(kind="start", instance=drift.instance, cause=cause)
    if drift.kind == Kind.WRONG_DIGEST and "@sha256:" in drift.seen:
        _adopt_digest(drift.instance, drift.seen)
        return None
    raise Refused(
        "drift_not_adoptable",
        "Only a bot that was stopped or started by hand, or runs another digest, is adopted; "
        "limits follow the plan.",
        status=409,
    )


def drift_ignore(*, drift: Drift, until: datetime, because: str) -> None:
    """Until then it is neither repaired nor counted."""
    Drift.objects.filter(pk=drift.pk).update(ignored_until=until, ignored_because=because)


def unheeded() -> QuerySet[Drift]:
    """Differences that are there now and that nobody chose to ignore."""
    now = timezone.now()
    heard = Q(ignored_until__isnull=True) | Q(ignored_until__lte=now)
    return Drift.objects.filter(heard, resolved_at=None)


def _adopt_digest(instance: Instance, digest: str) -> None:
    with transaction.atomic():
        row = Instance.objects.select_for_update().get(pk=instance.pk)
        release, _ = Release.objects.get_or_create(image=row.image, digest=digest)
        row.previous_release, row.release = row.release, release
        row.save(update_fields=["release", "previous_release", "updated_at"])


def _strays(node: Node) -> Iterable[Drift]:
    strays = unheeded().filter(node=node, kind=Kind.RUNNING_THOUGH_ELSEWHERE)
    strays = strays.exclude(_mended_lately()).exclude(pk__in=_resting("drift"))
    return strays.select_related("node", "instance__tenant")


def _broken(node: Node) -> Iterable[Drift]:
    """Of bots whose data is there, whose name is not taken by a stranger, and who are idle."""
    there = Drift.objects.filter(node=node, resolved_at=None)
    without_data = there.filter(kind=Kind.VOLUME_MISSING).values("instance")
    taken = there.filter(kind=Kind.UNKNOWN_CONTAINER).values("resource")
    broken = unheeded().filter(node=node, kind__in=OF_BOTS, instance__isnull=False)
    return (
        broken.exclude(instance__in=without_data)
        .exclude(resource__in=taken)
        .exclude(_mended_lately())
        .exclude(instance__in=_resting("instance"))
        .select_related("node", "instance__tenant")
        .order_by("first_seen_at")
    )


def _resting(subject_kind: str) -> QuerySet[Operation, object]:
    """Subjects with an operation now, or with a remedy that failed a moment ago."""
    failed_lately = Q(
        state=Operation.State.FAILED,
        kind__in=("repair", "fence", "clean"),
        finished_at__gt=timezone.now() - PAUSE,
    )
    busy = Operation.objects.filter(Q(finished_at__isnull=True) | failed_lately)
    return busy.filter(subject_kind=subject_kind).values("subject_id")


def _mended_lately() -> Q:
    """Differences that a remedy did not end, or that nobody looked at since; once is enough."""
    return Q(
        repair__state=Operation.State.SUCCEEDED,
        repair__finished_at__gt=timezone.now() - PAUSE,
    )


def _first_of_each(drifts: Iterable[Drift]) -> list[Drift]:
    """One repair mends all that is wrong with a bot."""
    return list({drift.instance_id: drift for drift in reversed(list(drifts))}.values())


def _remedy(drift: Drift) -> str | None:
    if drift.resolved_at is not None or drift.instance is None:
        return None
    if drift.kind == Kind.RUNNING_THOUGH_ELSEWHERE:
        return "fence"
    return "repair" if drift.kind in OF_BOTS else None


def _open(drift: Drift) -> Operation | None:
    kind = _remedy(drift)
    try:
        return _opened(drift, kind, f"drift: {drift.kind}") if kind else None
    except Refused as refusal:
        logger.info("a repair waits: %s", refusal)
        return None


def _opened(drift: Drift, kind: str, cause: str) -> Operation:
    """Opens the operation about the bot, or about the difference where the bot is elsewhere."""
    with transaction.atomic():
        operation = ledger.operation_open(
            kind=kind,
            subject=drift.instance if kind == "repair" else drift,
            tenant=drift.instance.tenant if drift.instance else None,
            cause=cause,
            parameters={"drift": str(drift.pk), "node": str(drift.node_id)},
        )
        same = Drift.objects.filter(pk=drift.pk)
        if kind == "repair":
            same = unheeded().filter(instance=drift.instance_id, node=drift.node_id)
        same.update(repair=operation)
    return operation
