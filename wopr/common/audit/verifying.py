"""Whether the trail is what it was: every digest is worked out again, outside of the database."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from wopr.common.audit.watching import watched

_CHAIN = """
SELECT l.position, l.digest, l.entry_id, e.id, jsonb_build_array(
    e.id, e.at AT TIME ZONE 'UTC', e.model, e.object_id, e.action, e.actor, e.address, e.via,
    e.reason, e.correlation_id, e.database_user, e.before, e.after)::text
FROM audit_auditlink l FULL JOIN audit_auditentry e ON e.id = l.entry_id
ORDER BY l.position NULLS LAST, e.id
"""
_ACTIVE = """
SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'wopr_audit' AND tgenabled = 'O'
"""
_KEPT = """
SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O' AND tgname IN
('wopr_keep', 'wopr_keep_all', 'wopr_queue', 'wopr_seal')
"""
_PAGE = 2000


@dataclass
class Verdict:
    """How many entries hold, where the chain ends, and everything that is not as it was."""

    entries: int = 0
    position: int = 0
    digest: str = ""
    faults: list[str] = field(default_factory=list)
    noted: bool = False


def verify(*, expected: str = "") -> Verdict:
    """Reads the whole chain. `expected` is POSITION:DIGEST as an earlier run has told it.

    Somebody who may do anything in the database can cut the chain's end off without a trace in it:
    only what was noted elsewhere shows that.
    """
    verdict = Verdict()
    for row in _chain():
        _check(verdict, row, expected)
    if expected and not verdict.noted:
        verdict.faults.append(f"the chain does not lead through {expected[:24]}… any more")
    verdict.faults += _missing_triggers()
    return verdict


def _chain() -> Iterator[tuple[Any, ...]]:
    """Read at one moment, page by page."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_CHAIN)
        while rows := cursor.fetchmany(_PAGE):
            yield from rows


def _check(verdict: Verdict, row: tuple[Any, ...], expected: str) -> None:
    position, digest, linked, entry, content = row
    if entry is None:
        verdict.faults.append(f"entry {linked} at place {position} is gone")
        verdict.position, verdict.digest = position or verdict.position, digest
        return
    if position is None:
        verdict.faults.append(f"entry {entry} has no place in the chain")
        return
    if position != verdict.position + 1:
        verdict.faults.append(f"places {verdict.position + 1} to {position - 1} are gone")
    elif hashlib.sha256((verdict.digest + content).encode()).hexdigest() != digest:
        verdict.faults.append(f"entry {entry} at place {position} is not what was written")
    verdict.entries += 1
    verdict.position, verdict.digest = position, digest
    verdict.noted = verdict.noted or expected == f"{position}:{digest}"


def _missing_triggers() -> list[str]:
    """Tables whose changes would go unseen now."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVE)
        active = {table.strip('"') for (table,) in cursor.fetchall()}
        cursor.execute(_KEPT)
        (kept,) = cursor.fetchone()
    unseen = [f"changes of {t.label} go unseen" for t in watched() if t.table not in active]
    return unseen if kept == 6 else [*unseen, "nothing keeps the trail from being changed"]
