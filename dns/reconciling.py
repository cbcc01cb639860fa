"""Worker room: compares all wanted records with the whole zones, and mends what differs.

One paged listing for each zone, however many records there are. What WOPR did not make is never
touched; what bears its mark and has no row is reported and left for a person.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from dns import publishing
from dns.gateways import cloudflare
from dns.gateways.base import RemoteRecord
from dns.models import Record
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)
BASE = "base:platform"
# How long one call may be put off by the provider before the run ends with what it has done.
LONGEST_WAIT = 330.0
TRIES = 3


class Action(StrEnum):
    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    DELETE = "delete"
    CONFLICT = "conflict"
    STRANGE = "strange"


@dataclass(frozen=True)
class Change:
    """One line of the plan. Conflicts and strange records are told and not acted upon."""

    action: Action
    zone: str
    name: str
    type: str
    content: str
    why: str
    record: Record | None = None
    remote: RemoteRecord | None = None

    def __str__(self) -> str:
        return f"{self.action:<8} {self.name} {self.type} {self.content}: {self.why}"

    @property
    def acts(self) -> bool:
        return self.action not in {Action.CONFLICT, Action.STRANGE}


Index = dict[tuple[str, str], list[RemoteRecord]]
Result = TypeVar("Result")


def reconcile(*, dry_run: bool) -> tuple[list[Change], list[str]]:
    """Declares what is wanted, plans, and carries the plan out unless it is a dry run.

    Returns the plan and what could not be done. Raises ProviderError when a zone cannot be read.
    """
    with transaction.atomic():
        unzoned = declare()
        records = list(Record.objects.all())
        transaction.set_rollback(dry_run)
    changes = plan(records)
    failures = [] if dry_run else carry_out(changes)
    return changes, [*unzoned, *failures]


def declare() -> list[str]:
    """Rows for the platform's own names, and all bots' rows at the edge's present addresses.

    Base names that are declared no more become withdrawn. Returns names that no zone of ours has.
    """
    unzoned: dict[str, str] = {}
    declared = []
    for name in settings.WOPR_BASE_NAMES:
        try:
            declared += publishing.addresses_declare(owner=BASE, name=name)
        except ProviderError as error:
            unzoned[name] = str(error)
    former = Record.objects.filter(owner=BASE).exclude(pk__in=[r.pk for r in declared])
    # A zone that is mistyped for a moment must not cost the dashboard its own records.
    former.exclude(name__in=unzoned).update(state=Record.State.WITHDRAWN)
    _without_ipv6()
    for owner, name in _of_bots().values_list("owner", "name"):
        publishing.addresses_declare(owner=owner, name=name)
    return list(unzoned.values())


def _without_ipv6() -> None:
    """An edge that has no IPv6 address any more is led to by none."""
    if not settings.WOPR_EDGE_IPV6:
        bots = Record.objects.filter(owner__startswith="instance:", type=Record.Type.AAAA)
        bots.update(state=Record.State.WITHDRAWN)


def _of_bots() -> QuerySet[Record]:
    """A records of bots that lead elsewhere than to the edge, or lack their AAAA record."""
    bots = Record.objects.filter(owner__startswith="instance:", type=Record.Type.A)
    alive = bots.exclude(state=Record.State.WITHDRAWN)
    twin = Record.objects.filter(owner=OuterRef("owner"), name=OuterRef("name"), type="AAAA")
    astray = ~Q(content=settings.WOPR_EDGE_IPV4)
    if settings.WOPR_EDGE_IPV6:
        astray |= Q(~Exists(twin.filter(content=settings.WOPR_EDGE_IPV6)))
    return alive.filter(astray)


def plan(records: Iterable[Record]) -> list[Change]:
    """What differs between the rows and the zones, and what would be done about it."""
    rows = defaultdict(list)
    for record in records:
        rows[record.zone].append(record)
    return [
        change
        for zone in sorted({*publishing.zones(), *rows})
        for change in _plan_zone(zone, rows[zone], _patiently(_lister(zone)))
    ]


def carry_out(changes: Iterable[Change]) -> list[str]:
    """Does what the plan says, one after the other. Returns what could not be done, and why."""
    failures = []
    for change in changes:
        try:
            _carry_out(change)
        except ProviderError as error:
            failures.append(f"{change}: {error}")
            logger.error("DNS: %s: %s", change, error)
    return failures


def _lister(zone: str) -> Callable[[], list[RemoteRecord]]:
    return lambda: cloudflare.provider().listing(zone)


def _plan_zone(zone: str, rows: list[Record], remotes: list[RemoteRecord]) -> list[Change]:
    there: Index = defaultdict(list)
    for remote in remotes:
        there[remote.name.lower(), remote.type].append(remote)
    known = {(row.name, row.type, publishing.mark_of(row)) for row in rows}
    changes = [change for row in rows for change in _plan_row(row, there)]
    strange = [
        Change(Action.STRANGE, zone, r.name, r.type, r.content, f"no row owns it ({r.comment})")
        for r in remotes
        if r.comment.startswith(_our_marks()) and (r.name.lower(), r.type, r.comment) not in known
    ]
    return changes + strange


def _our_marks() -> str:
    """How the comment of every record begins that this deployment made."""
    return f"{settings.WOPR_DEPLOYMENT} "


def _plan_row(row: Record, there: Index) -> list[Change]:
    mark, present = publishing.mark_of(row), there[row.name, row.type]
    ours = [remote for remote in present if remote.comment == mark]
    if row.state == Record.State.WITHDRAWN:
        return [_change(Action.DELETE, row, "wanted no more", remote) for remote in ours]
    if ours:
        return [*_plan_ours(row, ours), *_beside(row, present)]
    present = present or [r for kind in publishing.barred_by(row) for r in there[row.name, kind]]
    if not present:
        return [_change(Action.CREATE, row, f"wanted by {row.owner}")]
    same = [r for r in present if publishing.may_take(r, publishing.wanted_of(row))]
    if same:
        return [_change(Action.ADOPT, row, "it says the same already", same[0])]
    why = f"somebody else's {present[0].type} record says {present[0].content}"
    return [_change(Action.CONFLICT, row, why, present[0])]


def _beside(row: Record, present: list[RemoteRecord]) -> list[Change]:
    """Foreign addresses beside ours: told, since part of the visitors go there."""
    if row.type not in {Record.Type.A, Record.Type.AAAA}:
        return []
    why = "somebody else's record stands beside ours, and takes part of the visitors away"
    return [
        Change(Action.STRANGE, row.zone, row.name, row.type, remote.content, why)
        for remote in present
        if not remote.comment.startswith(_our_marks())
    ]


def _plan_ours(row: Record, ours: list[RemoteRecord]) -> list[Change]:
    wanted = publishing.wanted_of(row)
    kept = next((r for r in ours if publishing.is_as_wanted(r, wanted)), ours[0])
    extra = [_change(Action.DELETE, row, "there twice", r) for r in ours if r is not kept]
    why = _difference(row, kept)
    if why:
        return [_change(Action.UPDATE, row, why, kept), *extra]
    if row.state != Record.State.PUBLISHED:
        return [_change(Action.ADOPT, row, "it is there already", kept), *extra]
    return extra


def _change(action: Action, row: Record, why: str, remote: RemoteRecord | None = None) -> Change:
    content = remote.content if remote and action is Action.DELETE else row.content
    return Change(action, row.zone, row.name, row.type, content, why, row, remote)


def _difference(row: Record, remote: RemoteRecord) -> str:
    """What is other than wanted, in words; empty when nothing is."""
    found = []
    if remote.proxied:
        found.append("it is proxied")
    elif remote.ttl != row.ttl:
        found.append(f"its time to live is {remote.ttl}, not {row.ttl}")
    if remote.content != row.content:
        found.append(f"it says {remote.content}")
    return ", ".join(found)


def _carry_out(change: Change) -> None:
    if change.record is None:
        return
    # The plan may be minutes old: an operation may have withdrawn the record, or published it.
    record = Record.objects.get(pk=change.record.pk)
    is_wanted = record.state != Record.State.WITHDRAWN
    if change.action is Action.CONFLICT and change.remote:
        publishing.record_conflicts(record, change.remote)
    elif change.action is Action.DELETE and change.remote:
        remote = change.remote
        _patiently(lambda: cloudflare.provider().delete(change.zone, remote.id))
    elif is_wanted and change.acts:
        _publish(record)


def _publish(record: Record) -> None:
    if _patiently(lambda: publishing.record_observe(record)) is None:
        _patiently(lambda: publishing.record_publish(record))
    remote = _patiently(lambda: publishing.record_observe(record))
    if remote is None:
        raise ProviderError(f"{record} is not there after it was published")
    publishing.record_seen(record, remote.id)


def _patiently(call: Callable[[], Result]) -> Result:
    """Waits as long as the provider asks for, and tries again; other errors are the caller's."""
    for _ in range(TRIES - 1):
        try:
            return call()
        except ProviderError as error:
            if error.retry_after is None or error.retry_after > LONGEST_WAIT:
                raise
            logger.warning("DNS: waiting %.0f s: %s", error.retry_after, error)
            time.sleep(error.retry_after)
    return call()
