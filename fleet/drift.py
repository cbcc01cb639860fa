"""Worker room: looks at a node and writes down how it differs from the rows. It changes nothing.

Two calls list everything, however many bots there are. Limits and what a container was made from
are in no listing: a few containers are inspected in each pass, first those that differed, then
those whose turn is longest ago. Rows are read after the listing, and whatever an operation had in
hand since it began is not judged.
"""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from fleet.engines.registry import engine
from fleet.gateways.bot import is_healthy
from fleet.judging import Finding, Picture, findings, instance_named
from fleet.models import Drift, Instance, Node, Operation
from fleet.operations.steps.containers import CONFIG, config_of
from fleet.operations.steps.limits import wanted_limits
from tenants import alarms
from wopr.common.errors import ProviderError
from wopr.common.locks import session_lock_if_free

logger = logging.getLogger(__name__)
INSPECTED = 3  # containers in a pass
_SECRETS = ("platform_token", "credential_key", "daemon_token")
_INSPECTED_KINDS = (Drift.Kind.WRONG_LIMITS, Drift.Kind.WRONG_LABELS, Drift.Kind.SILENT)
_SHOWN = 12  # characters of a digest, enough to tell two from one another


@dataclass(frozen=True)
class Look:
    """What was seen of the inspected few."""

    names: frozenset[str]
    findings: list[Finding]


def node_compare(*, node_id: UUID) -> Node | None:
    """One pass over a node. None when its engine does not answer, or another pass is under way."""
    with session_lock_if_free(f"node:{node_id}") as is_ours:
        if not is_ours:
            return None
        node = Node.objects.get(pk=node_id)
        began = timezone.now()
        try:
            picture = _picture(node, began)
            look = _inspect(picture)
        except ProviderError as error:
            _note_silence(node, error)
            return None
        _note_answer(node)
        _record(picture, look)
        return node


def _picture(node: Node, began: datetime) -> Picture:
    containers = {c.name: c for c in engine(node).list_containers()}
    volumes = {v.name: v for v in engine(node).list_volumes()}
    operations = Operation.objects.filter(
        Q(finished_at__isnull=True) | Q(finished_at__gte=began), subject_kind="instance"
    ).values_list("subject_id", "kind", "parameters")
    alive = Instance.objects.exclude(status=Instance.Status.TERMINATED)
    bots = list(alive.filter(node=node).select_related("release").defer(*_SECRETS))
    for bot in bots:
        bot.node = node
    labels = [c.labels for c in containers.values()] + [v.labels for v in volumes.values()]
    named = {found for found in map(instance_named, labels) if found}
    return Picture(
        node=node,
        containers=containers,
        volumes=volumes,
        bots=bots,
        busy={subject for subject, _, _ in operations},
        fenced={
            subject
            for subject, kind, parameters in operations
            if kind == "evacuate" and parameters.get("source") == str(node.pk)
        },
        others=_others(named, bots),
    )


def _others(named: Collection[UUID], bots: list[Instance]) -> dict[UUID, Instance]:
    """Rows that labels name and that do not live here; usually there are none."""
    strange = set(named) - {bot.pk for bot in bots}
    given_up = {bot.pk: bot for bot in bots}
    if not strange:
        return given_up
    rows = Instance.objects.filter(pk__in=strange).select_related("node").defer(*_SECRETS)
    return given_up | {row.pk: row for row in rows}


def _inspect(picture: Picture) -> Look:
    """Compares what no listing tells, of a number that does not grow with the bots."""
    turn = _whose_turn(picture)
    bots = Instance.objects.filter(pk__in=turn).select_related("release", "node")
    bots = bots.prefetch_related("variables")
    silent = Drift.objects.filter(node=picture.node, resolved_at=None, kind=Drift.Kind.SILENT)
    asked = set(silent.values_list("instance_id", flat=True))
    found = [finding for bot in bots for finding in _compare(bot, asks=bot.pk in asked)]
    Instance.objects.filter(pk__in=turn).update(inspected_at=timezone.now())
    return Look(frozenset(bot.container_name for bot in bots), found)


def _whose_turn(picture: Picture) -> list[UUID]:
    open_ones = Drift.objects.filter(
        node=picture.node, resolved_at=None, kind__in=_INSPECTED_KINDS
    ).values_list("resource", flat=True)
    differed = set(open_ones)
    there = [bot for bot in picture.judged if picture.own_container(bot)]

    def turn(bot: Instance) -> tuple[bool, bool, float]:
        last = bot.inspected_at.timestamp() if bot.inspected_at else 0.0
        return (bot.container_name not in differed, last > 0, last)

    return [bot.pk for bot in sorted(there, key=turn)[:INSPECTED]]


def _compare(bot: Instance, *, asks: bool) -> Iterator[Finding]:
    container = engine(bot.node).find_container(bot.container_name)
    if container is None:
        return
    name, limits = container.name, wanted_limits(bot)
    if container.limits != limits:
        yield Finding(Drift.Kind.WRONG_LIMITS, name, str(limits), str(container.limits), bot)
    if asks and container.running and not is_healthy(bot.upstream):
        yield Finding(Drift.Kind.SILENT, name, bot.status, "it runs and does not answer", bot)
    made_from, wanted = container.labels.get(CONFIG, ""), config_of(bot)
    if made_from != wanted and bot.status == Instance.Status.RUNNING:
        yield Finding(
            Drift.Kind.WRONG_LABELS,
            name,
            f"{CONFIG}={wanted[:_SHOWN]}",
            f"{CONFIG}={made_from[:_SHOWN]}",
            bot,
        )


def _record(picture: Picture, look: Look) -> None:
    """Opens, keeps and resolves rows so that they say what was seen."""
    now = timezone.now()
    # The listing's word comes last: what it says of a container's labels is the graver thing.
    seen = {f.key: f for f in (*look.findings, *findings(picture))}
    with transaction.atomic():
        opened = Drift.objects.filter(node=picture.node, resolved_at=None).select_for_update()
        known = {(drift.kind, drift.resource): drift for drift in opened}
        missed = [drift for key, drift in known.items() if key not in seen]
        gone = [drift.pk for drift in missed if _was_looked_for(drift, picture, look)]
        Drift.objects.filter(pk__in=gone).update(resolved_at=now, updated_at=now)
        Drift.objects.bulk_create(
            [_row(f, picture.node, now) for key, f in seen.items() if key not in known]
        )
        kept = [(known[key], finding) for key, finding in seen.items() if key in known]
        _keep(kept, now)


def _was_looked_for(drift: Drift, picture: Picture, look: Look) -> bool:
    """Whether this pass would have found it again."""
    if picture.is_busy(drift.instance_id):
        return False
    is_there = drift.resource in picture.containers
    return drift.kind not in _INSPECTED_KINDS or drift.resource in look.names or not is_there


def _row(finding: Finding, node: Node, now: datetime) -> Drift:
    logger.warning("drift on %s: %s %s: %s", node, finding.kind, finding.resource, finding.seen)
    return Drift(
        node=node,
        instance=finding.instance,
        kind=finding.kind,
        resource=finding.resource,
        wanted=finding.wanted,
        seen=finding.seen,
        first_seen_at=now,
        last_seen_at=now,
        cost_per_day=finding.cost,
        currency=settings.WOPR_CURRENCY,
    )


def _keep(kept: list[tuple[Drift, Finding]], now: datetime) -> None:
    Drift.objects.filter(pk__in=[drift.pk for drift, _ in kept]).update(last_seen_at=now)
    for drift, finding in kept:
        said = {"wanted": finding.wanted, "seen": finding.seen, "cost_per_day": finding.cost}
        if (drift.wanted, drift.seen) != (finding.wanted, finding.seen):
            Drift.objects.filter(pk=drift.pk).update(**said)


def _note_answer(node: Node) -> None:
    if node.unreachable_since is not None:
        logger.warning("%s answers again, after %s", node, timezone.now() - node.unreachable_since)
    Node.objects.filter(pk=node.pk).update(seen_at=timezone.now(), unreachable_since=None)


def _note_silence(node: Node, error: ProviderError) -> None:
    """The first pass that finds a machine gone tells staff; its bots are unknown meanwhile."""
    now = timezone.now()
    is_news = Node.objects.filter(pk=node.pk, unreachable_since=None).update(unreachable_since=now)
    if not is_news:
        return
    logger.error("%s does not answer: %s", node, error)
    bots = node.instances.exclude(status=Instance.Status.TERMINATED).count()
    text = f"{error}\n\n{bots} bots are on it. Nothing new is placed there until it answers again."
    alarms.staff_told(subject=f"The machine {node} does not answer", text=text)
