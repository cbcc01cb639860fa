"""A dump of a freshly migrated database, kept per machine.

dj-stripe's migrations take more than a minute. The dump's name is a hash of everything that
migrations depend on, and `migrate` runs after it is read, so it saves time and decides nothing.
"""

import hashlib
import os
from pathlib import Path

import psycopg

from sandbox.stack.places import CACHE, REPOSITORY
from sandbox.stack.postgres import find_programs
from sandbox.stack.supervisor import Supervisor


def kept_dump() -> Path:
    """Return where the dump for this code is, or will be."""
    sources = [REPOSITORY / "requirements.txt", REPOSITORY / "wopr" / "settings.py"]
    sources += sorted(REPOSITORY.glob("*/migrations/*.py"))
    digest = hashlib.sha256(Path(find_programs()).as_posix().encode())
    for source in sources:
        digest.update(source.read_bytes())
    return CACHE / "migrated" / f"{digest.hexdigest()[:16]}.sql"


def is_empty(url: str) -> bool:
    """Say whether no migration was applied yet."""
    with psycopg.connect(url) as connection:
        found = connection.execute("select to_regclass('public.django_migrations')").fetchone()
    return found == (None,)


def restore(supervisor: Supervisor, url: str) -> None:
    """Fill an empty database with the dump."""
    psql = [find_programs() / "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
    command = [*psql, "--single-transaction", "--output=/dev/null", f"--file={kept_dump()}", url]
    supervisor.must_run("restore", command, {})


def keep(supervisor: Supervisor, url: str) -> None:
    """Write the dump of a database that was migrated and not yet used."""
    file = kept_dump()
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    dump: list[str | Path] = [find_programs() / "pg_dump", "--no-owner"]
    supervisor.must_run("dump", [*dump, f"--file={unfinished}", url], {})
    unfinished.rename(file)
