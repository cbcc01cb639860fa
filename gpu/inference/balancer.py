"""Which node answers: of those that are seen ready, the one with the fewest requests under way."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gpu.gateways.upstream import Answer, Unanswered, Upstream, asked
from gpu.models import Service
from wopr.common.errors import Refused

TRIES = 3  # nodes that one request is offered to
REACHED_WITHIN = 3.0  # seconds, by a request that another node could have
# The last one is given longer: when hundreds of requests begin at once, it may take this process
# seconds to see that it is connected.
LAST_REACHED_WITHIN = 60.0
OPEN_AFTER = 3  # failures in a row until a service is left alone
OPEN_FOR = 10.0  # seconds; then one request tries it again


@dataclass
class Balancer:
    """Counts what is under way from this process, and remembers who failed of late."""

    look_up: Callable[[str], list[Upstream]]
    outstanding: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    closed_until: dict[str, float] = field(default_factory=dict)

    @asynccontextmanager
    async def answer(
        self, kind: str, path: str, *, content: bytes, content_type: str
    ) -> AsyncIterator[Answer]:
        """The first answer that a node begins to give. Raises Refused when none does."""
        chosen = self._in_order(kind)[:TRIES]
        for upstream in chosen:
            within = LAST_REACHED_WITHIN if upstream is chosen[-1] else REACHED_WITHIN
            self.outstanding[upstream.url] += 1
            try:
                async with asked(
                    upstream,
                    path,
                    content=content,
                    content_type=content_type,
                    reached_within=within,
                ) as response:
                    self._worked(upstream)
                    yield response
                    return
            except Unanswered:
                self._failed(upstream)
            finally:
                self.outstanding[upstream.url] -= 1
        raise Refused(
            "no_capacity", "No node can answer this now; try again in a moment.", status=503
        )

    def _in_order(self, kind: str) -> list[Upstream]:
        """Least busy first; those that failed of late only when no other is left."""
        now = time.monotonic()

        def rank(upstream: Upstream) -> tuple[bool, bool, int]:
            is_open = self.closed_until.get(upstream.url, 0.0) > now
            return is_open, upstream.is_last_choice, self.outstanding[upstream.url]

        return sorted(self.look_up(kind), key=rank)

    def _worked(self, upstream: Upstream) -> None:
        self.failures.pop(upstream.url, None)
        self.closed_until.pop(upstream.url, None)

    def _failed(self, upstream: Upstream) -> None:
        self.failures[upstream.url] += 1
        if self.failures[upstream.url] >= OPEN_AFTER:
            self.closed_until[upstream.url] = time.monotonic() + OPEN_FOR


@dataclass
class Directory:
    """The services that are seen serving, as the database has them; read again by `refresh`."""

    upstreams: dict[str, list[Upstream]] = field(default_factory=dict)

    def refresh(self) -> None:
        found: dict[str, list[Upstream]] = {}
        serving = Service.objects.filter(state__in=Service.SERVING, node__accepts_requests=True)
        for service in serving.exclude(node__address="").select_related("node"):
            node, is_degraded = service.node, service.state == Service.State.DEGRADED
            found.setdefault(service.kind, []).append(
                Upstream(service.url, node.inference_token, node.certificate, is_degraded)
            )
        self.upstreams = found

    def look_up(self, kind: str) -> list[Upstream]:
        return list(self.upstreams.get(kind, []))
