"""Locks that outlive transactions, since no transaction is open while the world is called."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def session_lock(name: str) -> Iterator[None]:
    """Waits for, and holds, PostgreSQL's session advisory lock of that name.

    The database frees it by itself when the process dies. Must be entered outside a transaction.
    """
    with _held("SELECT pg_advisory_lock(%s)", name):
        yield


@contextmanager
def session_lock_if_free(name: str) -> Iterator[bool]:
    """The same without waiting: yields False while somebody else holds the lock."""
    with _held("SELECT pg_try_advisory_lock(%s)", name) as won:
        yield won


@contextmanager
def _held(take: str, name: str) -> Iterator[bool]:
    if connection.in_atomic_block:
        raise RuntimeError(f"the lock {name!r} inside a transaction would be held past it")
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute(take, [key])
        won = cursor.fetchone()[0] is not False
    try:
        yield won
    finally:
        if won:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
