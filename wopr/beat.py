"""The scheduler of `celery beat`: several may run, and one of them is at work."""

from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from wopr.common import alive
from wopr.common.lease import Lease

LEASE_SECONDS = 15.0


class LeasedScheduler(DatabaseScheduler):  # type: ignore[misc]
    """Sends wake-ups while it holds the lease; stands by while another one does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._lease = Lease("beat", seconds=LEASE_SECONDS)
        self._is_active = False
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        alive.show()
        was_active, self._is_active = self._is_active, self._holds_lease()
        if not self._is_active:
            return float(self.max_interval)
        if not was_active:
            self._read_anew()
        return float(super().tick(*args, **kwargs))

    def close(self) -> None:
        super().close()
        self._lease.release()

    def _holds_lease(self) -> bool:
        try:
            close_old_connections()
            return self._lease.is_held()
        except (DatabaseError, InterfaceError):
            return False

    def _read_anew(self) -> None:
        """Another one was at work until now: what was sent last is in the database."""
        self._initial_read = True
        self._heap = None
