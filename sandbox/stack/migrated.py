"""A dump of a database with dj-stripe's tables, kept per machine.

dj-stripe's migrations take more than a minute, and stand on those of `tenants` (the user) only.
The dump's name is a hash of what they depend on, and the whole `migrate` runs after it is read,
so the dump saves time and decides nothing.
"""

import hashlib
import os
from pathlib import Path

import psycopg

from sandbox.stack.places import CACHE, REPOSITORY
from sandbox.stack.postgres import find_programs
from sandbox.stack.supervisor import Supervisor

SLOW_APP = "djstripe"


def kept_dump() -> Path:
    """Return where the dump for this code is, or will be."""
    name = content_hash(["requirements.txt", "tenants/migrations/*.py"])
    return CACHE / "migrated" / f"{name}.sql"


def all_migrations() -> str:
    """Return a name for everything that `migrate` depends on."""
    return content_hash(["requirements.txt", "wopr/settings.py", "*/migrations/*.py"])


def content_hash(patterns: list[str]) -> str:
    """Return a name for the content of files, which changes when any of them does."""
    digest = hashlib.sha256(find_programs().as_posix().encode())
    for pattern in patterns:
        for source in sorted(REPOSITORY.glob(pattern)):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def is_empty(url: str) -> bool:
    """Say whether no migration was applied yet."""
    with psycopg.connect(url) as connection:
        found = connection.execute("select to_regclass('public.django_migrations')").fetchone()
    return found == (None,)


def restore(supervisor: Supervisor, url: str) -> None:
    """Fill an empty database with the dump."""
    psql: list[str | Path] = [
        find_programs() / "psql",
        "--quiet",
        "--no-psqlrc",
        "--set=ON_ERROR_STOP=1",
    ]
    command = [*psql, "--single-transaction", "--output=/dev/null", f"--file={kept_dump()}", url]
    supervisor.must_run("restore", command, {})


def keep(supervisor: Supervisor, url: str) -> None:
    """Write the dump of a database that has no rows of anybody yet."""
    file = kept_dump()
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    dump: list[str | Path] = [find_programs() / "pg_dump", "--no-owner"]
    supervisor.must_run("dump", [*dump, f"--file={unfinished}", url], {})
    unfinished.rename(file)
