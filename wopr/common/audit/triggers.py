"""The triggers, installed after each `migrate`: they write entries, seal them and keep them.

Not by django-pgtrigger: its triggers let themselves be switched off by whoever may SET a variable.
"""

from pathlib import Path
from typing import Any

from django.db import connections

from wopr.common.audit.watching import Watched, watched

_FUNCTIONS = Path(__file__).with_name("trail.sql")
_ENTRY, _LINK = "audit_auditentry", "audit_auditlink"


def install(using: str = "default", **_: Any) -> None:
    """Functions and triggers of everything that is watched; nothing is left of what is not."""
    with connections[using].cursor() as cursor:
        there = set(connections[using].introspection.table_names(cursor))
        if _ENTRY not in there:
            return
        cursor.execute(_FUNCTIONS.read_text())
        # While a library alone is migrated, our tables are still to come.
        tables = [table for table in watched() if table.table in there]
        for sql in [*_on_the_trail(), *(line for table in tables for line in _on(table))]:
            cursor.execute(sql)
        _uninstall_others(cursor, {table.table for table in tables})


def _on(table: Watched) -> list[str]:
    words = [table.label, table.key, ",".join(table.secret), ",".join(table.noise)]
    arguments = ", ".join(f"'{word}'" for word in words)
    return [
        f"""CREATE OR REPLACE TRIGGER wopr_audit AFTER INSERT OR UPDATE OR DELETE
        ON "{table.table}" FOR EACH ROW EXECUTE FUNCTION wopr_audit_write({arguments})""",
        f"""CREATE OR REPLACE TRIGGER wopr_audit_all AFTER TRUNCATE
        ON "{table.table}" FOR EACH STATEMENT EXECUTE FUNCTION wopr_audit_write({arguments})""",
    ]


def _on_the_trail() -> list[str]:
    keep = [
        line
        for table in (_ENTRY, _LINK)
        for line in (
            f"""CREATE OR REPLACE TRIGGER wopr_keep BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION wopr_audit_keep()""",
            f"""CREATE OR REPLACE TRIGGER wopr_keep_all BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION wopr_audit_keep()""",
        )
    ]
    return [*keep, *_at_the_end(_ENTRY, "queue"), *_at_the_end(_LINK, "seal")]


def _at_the_end(table: str, what: str) -> list[str]:
    """Constraint triggers cannot be replaced."""
    return [
        f"DROP TRIGGER IF EXISTS wopr_{what} ON {table}",
        f"""CREATE CONSTRAINT TRIGGER wopr_{what} AFTER INSERT ON {table}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wopr_audit_{what}()""",
    ]


def _uninstall_others(cursor: Any, tables: set[str]) -> None:
    cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'wopr_audit'")
    for (table,) in cursor.fetchall():
        if table.strip('"') not in tables:
            cursor.execute(f"DROP TRIGGER wopr_audit ON {table}")
            cursor.execute(f"DROP TRIGGER wopr_audit_all ON {table}")
