"""The database as a stream: every table by COPY, in one snapshot, and back into an empty one.

It needs no program of PostgreSQL's and no particular version of it: the tables themselves come from
the migrations, which have to be the same at both ends.
"""

import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from wopr.common.errors import Refused

MANIFEST = "manifest.json"
LEFT_OUT = {"django_migrations"}
CHUNK = 1024 * 1024
Manifest = dict[str, Any]


def dump(archive: tarfile.TarFile, extra: Manifest) -> Manifest:
    """Writes every table and sequence, all as they are at one moment."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        manifest = {**extra, "migrations": migrations(), "sequences": _sequences(), "tables": {}}
        for table, columns in _tables().items():
            manifest["tables"][table] = {"columns": columns, "rows": _out(archive, table, columns)}
    add(archive, MANIFEST, json.dumps(manifest, indent=1).encode())
    return manifest


def load(file: IO[bytes]) -> Manifest:
    """Replaces all rows by those of a dump. Everything or nothing; foreign keys are checked."""
    with tarfile.open(fileobj=file, mode="r:") as archive:
        manifest: Manifest = json.loads(_member(archive, MANIFEST).read())
        insist_same_migrations(manifest)
        with transaction.atomic(durable=True):
            _empty(manifest["tables"])
            for table, told in manifest["tables"].items():
                _in(_member(archive, f"tables/{table}"), table, told["columns"])
            _execute("SET CONSTRAINTS ALL IMMEDIATE")
            _set_triggers(manifest["tables"], "ENABLE")
            for name, value in manifest["sequences"].items():
                _execute("SELECT setval(%s::regclass, %s)", [name, value])
    return manifest


def insist_same_migrations(manifest: Manifest) -> None:
    """Refused when this database has seen others than the dumped one."""
    there, here = {tuple(m) for m in manifest["migrations"]}, {tuple(m) for m in migrations()}
    if there != here:
        named = ", ".join(f"{app}.{name}" for app, name in sorted(there ^ here)[:5])
        raise Refused(
            "other_migrations",
            f"The backup is of version {manifest.get('version')} and this database is of another"
            f" one: they differ in {len(there ^ here)} migrations ({named}). Run that version's"
            " `manage.py migrate` on an empty database, restore, and upgrade then.",
        )


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a small file, readable by its owner only."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def migrations() -> list[list[str]]:
    applied = MigrationRecorder(connection).applied_migrations()
    return sorted([app, name] for app, name in applied)


def _tables() -> dict[str, list[str]]:
    """Every table with the columns that can be written."""
    rows = _rows(
        "SELECT c.table_name, c.column_name FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
        " AND c.is_generated = 'NEVER' ORDER BY c.table_name, c.ordinal_position"
    )
    found: dict[str, list[str]] = {}
    for table, column in rows:
        if table not in LEFT_OUT:
            found.setdefault(table, []).append(column)
    return found


def _sequences() -> dict[str, int]:
    rows = _rows(
        "SELECT quote_ident(sequencename), last_value FROM pg_sequences"
        " WHERE schemaname = current_schema() AND last_value IS NOT NULL"
    )
    left_out = {f"{table}_id_seq" for table in LEFT_OUT}
    return {name: value for name, value in rows if name not in left_out}


def _out(archive: tarfile.TarFile, table: str, columns: list[str]) -> int:
    """Adds one table; returns how many rows it has. A tar wants the size first, hence the spool."""
    with tempfile.TemporaryFile() as spool:
        with connection.cursor() as cursor:
            with cursor.copy(_copy("COPY {} ({}) TO STDOUT", table, columns)) as copy:
                for chunk in copy:
                    spool.write(chunk)
            rows = int(cursor.rowcount)
        member = tarfile.TarInfo(f"tables/{table}")
        member.size, member.mode = spool.tell(), 0o600
        spool.seek(0)
        archive.addfile(member, spool)
    return rows


def _in(content: IO[bytes], table: str, columns: list[str]) -> None:
    statement = _copy("COPY {} ({}) FROM STDIN", table, columns)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in _chunks(content):
            copy.write(chunk)


def _empty(tables: dict[str, Any]) -> None:
    """Triggers would write history of a restore, or forbid it."""
    _set_triggers(tables, "DISABLE")
    names = sql.SQL(", ").join(map(sql.Identifier, tables))
    _execute(sql.SQL("TRUNCATE {}").format(names))
    _execute("SET CONSTRAINTS ALL DEFERRED")


def _set_triggers(tables: dict[str, Any], what: str) -> None:
    for table in tables:
        statement = sql.SQL("ALTER TABLE {} {} TRIGGER USER")
        _execute(statement.format(sql.Identifier(table), sql.SQL(what)))


def _copy(statement: str, table: str, columns: list[str]) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL(statement).format(sql.Identifier(table), names)


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    content = archive.extractfile(name)
    if content is None:
        raise Refused("not_a_backup", f"The backup has no {name}.")
    return content


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: content.read(CHUNK), b"")


def _rows(query: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def _execute(query: Any, parameters: list[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
