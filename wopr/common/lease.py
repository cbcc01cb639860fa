"""A lease in the database: of several processes that could do something, one does."""

import os
import socket
import time
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from wopr.common.models import Heartbeat


class Lease:
    """Held for as long as it is renewed; a holder that is silent for `seconds` has lost it.

    The database's clock decides who is silent, and our own for how long we may believe what it
    said, so a process that hangs or cannot reach the database does not go on for long.
    """

    def __init__(self, name: str, *, seconds: float) -> None:
        self.name = name
        self.seconds = seconds
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        self._believed_until = 0.0
        self._renew_at = 0.0

    def is_held(self) -> bool:
        """Whether we hold it now; asks the database once in a third of its length."""
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + self.seconds / 3
            self._believed_until = now + self.seconds if self._claim() else 0.0
        return now < self._believed_until

    def release(self) -> None:
        """Lets the next one have it at once."""
        self._believed_until = 0.0
        self._row().filter(holder=self.holder).update(seen_at=Now() - timedelta(days=1))

    def _claim(self) -> bool:
        Heartbeat.objects.bulk_create(
            [Heartbeat(name=self.name, holder=self.holder, seen_at=Now())], ignore_conflicts=True
        )
        silent = Q(seen_at__lt=Now() - timedelta(seconds=self.seconds))
        mine_or_nobodys = self._row().filter(Q(holder=self.holder) | silent)
        return mine_or_nobodys.update(holder=self.holder, seen_at=Now()) == 1

    def _row(self) -> QuerySet[Heartbeat]:
        return Heartbeat.objects.filter(name=self.name)
