"""The queue of webhook deliveries, and what a test may do to it."""

from __future__ import annotations

import fnmatch
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sandbox.types import Json

State = Literal["pending", "held", "sending", "delivered", "failed", "dropped"]
Mode = Literal["normal", "hold", "drop", "duplicate"]
Order = Literal["fifo", "reverse", "shuffle"]


@dataclass
class Delivery:
    """One event on its way to one endpoint."""

    id: int
    event: str
    endpoint: str
    type: str
    state: State = "pending"
    next_attempt_at: float = 0.0
    attempts: list[Json] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Tell whether the delivery is still to come."""
        return self.state in ("pending", "held", "sending")


@dataclass(frozen=True)
class Retry:
    """When a failed delivery is tried again: the time now, and the waits between attempts."""

    now: float
    waits: list[float]


class Deliveries:
    """All deliveries, in the order in which their events happened."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all deliveries and deliver normally."""
        self.rows: list[Delivery] = []
        self.mode: Mode = "normal"
        self.types: list[str] = ["*"]
        self._numbers = 0

    def queue(self, event: str, endpoint: str, kind: str) -> None:
        """Add a delivery as the current mode wants it: once, twice, held or dropped."""
        mode = self.mode if self._affects(kind) else "normal"
        state: State = {"hold": "held", "drop": "dropped"}.get(mode, "pending")  # type: ignore[assignment]
        for _ in range(2 if mode == "duplicate" else 1):
            self._add(event, endpoint, kind, state)

    def _add(self, event: str, endpoint: str, kind: str, state: State) -> None:
        self._numbers += 1
        self.rows.append(Delivery(self._numbers, event, endpoint, kind, state))

    def _affects(self, kind: str) -> bool:
        return any(fnmatch.fnmatchcase(kind, pattern) for pattern in self.types)

    def behave(self, mode: Mode, types: Iterable[str]) -> None:
        """Treat events of these types in this way from now on."""
        self.mode = mode
        self.types = list(types) or ["*"]

    def release(self, order: Order) -> int:
        """Let the held deliveries go, in order, backwards or shuffled."""
        held = [row for row in self.rows if row.state == "held"]
        places = [self.rows.index(row) for row in held]
        if order == "reverse":
            held.reverse()
        elif order == "shuffle":
            random.shuffle(held)
        for place, row in zip(places, held, strict=True):
            row.state = "pending"
            self.rows[place] = row
        return len(held)

    def resend(self, event: str) -> int:
        """Send an event again to every endpoint that it went to, as the dashboard can."""
        earlier = {row.endpoint: row for row in self.rows if row.event == event}
        for row in earlier.values():
            self._add(event, row.endpoint, row.type, "pending")
        return len(earlier)

    def due(self, now: float) -> list[Delivery]:
        """Return what is to be sent now."""
        return [row for row in self.rows if row.state == "pending" and row.next_attempt_at <= now]

    def pending_for(self, event: str) -> int:
        """Count the endpoints that have not acknowledged an event."""
        return sum(row.event == event and row.open for row in self.rows)

    def record(self, row: Delivery, status: int | None, error: str | None, retry: Retry) -> None:
        """Write down an attempt; a failure is tried again later, until the retries are used up."""
        row.attempts.append({"at": time.time(), "status": status, "error": error})
        if status is not None and 200 <= status < 300:
            row.state = "delivered"
        elif len(row.attempts) > len(retry.waits):
            row.state = "failed"
        else:
            row.state = "pending"
            row.next_attempt_at = retry.now + retry.waits[len(row.attempts) - 1]

    def described(self) -> list[Json]:
        """Return the delivery log as JSON."""
        return [asdict(row) for row in self.rows]

    def dump(self) -> Json:
        """Return the queue as JSON."""
        return {"rows": self.described(), "mode": self.mode, "types": self.types}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up a queue; what was being sent is sent again."""
        self.rows = [Delivery(**row) for row in state["rows"]]
        for row in self.rows:
            row.state = "pending" if row.state == "sending" else row.state
        self.mode, self.types = state["mode"], state["types"]
        self._numbers = max((row.id for row in self.rows), default=0)
