"""Faults on demand, and the log of every request: one mechanism for all vendors.

A fault matches a method and a path and strikes a number of times:

* ``latency``: wait ``seconds``, then answer as usual;
* ``status``: answer with ``status`` (and ``Retry-After``);
* ``timeout_after``: do the work, then never answer (until the client leaves or ``seconds`` pass);
* ``drop``: close the connection without an answer.

``when`` says whether ``status`` and ``drop`` strike before or after the work is done. For SMTP
the method is the command (CONNECT, MAIL, RCPT, DATA) and the path is the address it names.
"""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from sandbox.types import Json

Kind = Literal["latency", "status", "timeout_after", "drop"]
When = Literal["before", "after"]

REQUESTS_KEPT = 20_000


class FaultRefused(ValueError):
    """The description of a fault makes no sense."""


@dataclass
class Fault:
    """One thing that goes wrong, and how often it still will (``times`` None: for ever)."""

    id: int
    kind: Kind
    method: str = "*"
    path: str = "*"
    when: When = "before"
    status: int = 500
    seconds: float | None = None
    retry_after: int | None = None
    times: int | None = 1
    struck: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Tell whether this request is one that the fault waits for."""
        if self.method not in ("*", method.upper()):
            return False
        if self.path.startswith("^"):
            return re.search(self.path, path) is not None
        return fnmatch.fnmatchcase(path, self.path)

    @property
    def spent(self) -> bool:
        """Tell whether the fault has struck as often as it was asked to."""
        return self.times is not None and self.struck >= self.times


@dataclass
class LoggedRequest:
    """A request as it arrived; ``status`` stays None when it was never answered."""

    number: int
    at: float
    method: str
    path: str
    query: str = ""
    idempotency_key: str | None = None
    correlation_id: str | None = None
    fault: Kind | None = None
    status: int | None = None


@dataclass
class FaultBook:
    """The faults that wait for a request, and the requests that came."""

    faults: list[Fault] = field(default_factory=list)
    requests: list[LoggedRequest] = field(default_factory=list)
    _numbers: int = 0
    _requests_seen: int = 0

    def add(self, description: Mapping[str, Any]) -> Fault:
        """Add a fault described by JSON."""
        self._numbers += 1
        fault = _fault(self._numbers, description)
        self.faults.append(fault)
        return fault

    def strike(self, method: str, path: str) -> Fault | None:
        """Return the first waiting fault for this request and count the strike."""
        for fault in self.faults:
            if not fault.spent and fault.matches(method, path):
                fault.struck += 1
                return fault
        return None

    def log(self, method: str, path: str, **more: Any) -> LoggedRequest:
        """Record a request; the oldest ones go when there are very many."""
        self._requests_seen += 1
        entry = LoggedRequest(self._requests_seen, time.time(), method, path, **more)
        self.requests.append(entry)
        del self.requests[:-REQUESTS_KEPT]
        return entry

    def described(self) -> list[Json]:
        """Return the faults as JSON."""
        return [asdict(fault) for fault in self.faults]

    def requests_described(self, path: str = "*", method: str = "*") -> list[Json]:
        """Return the logged requests that match, oldest first."""
        return [
            asdict(entry)
            for entry in self.requests
            if fnmatch.fnmatchcase(entry.path, path) and method in ("*", entry.method)
        ]

    def clear(self) -> None:
        """Forget all faults."""
        self.faults.clear()

    def reset(self) -> None:
        """Forget all faults and all requests."""
        self.faults.clear()
        self.requests.clear()


def _fault(number: int, description: Mapping[str, Any]) -> Fault:
    known = {
        "kind",
        "method",
        "path",
        "when",
        "status",
        "seconds",
        "retry_after",
        "times",
    }
    unknown = set(description) - known
    if unknown:
        raise FaultRefused(f"unknown fields: {', '.join(sorted(unknown))}")
    if description.get("kind") not in get_args(Kind):
        raise FaultRefused(f"kind must be one of {', '.join(get_args(Kind))}")
    if description.get("when", "before") not in get_args(When):
        raise FaultRefused("when must be before or after")
    fault = Fault(number, **description)
    fault.method = fault.method.upper()
    return fault
