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
    if connection.in_atomic_block:
        raise RuntimeError(f"session_lock({name!r}) inside a transaction would be held past it")
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [key])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key])
