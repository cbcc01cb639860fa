"""Worker room: looks at every service of every node at once, and says what state each is in.

What was seen lives in the rows, so a worker that restarts forgets nothing.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from gpu.catalogue import PORTS
from gpu.gateways.probes import LONGEST, Look, look
from gpu.gateways.upstream import Upstream
from gpu.models import GpuNode, Service, ServiceChange, ServiceSample

logger = logging.getLogger(__name__)
State = Service.State
DOWN_AFTER = 3  # misses in a row
UP_AFTER = 2  # good looks in a row, after it was down
PROVE_EVERY = timedelta(minutes=5)  # a round trip costs the node some work
LONGEST_BUSY = timedelta(minutes=30)  # without one round trip
HISTORY = timedelta(days=90)
SAMPLES = timedelta(days=7)
MOST_AT_ONCE = 500
BY_HAND = "by-hand"
WRITTEN = (
    "state", "since", "hits", "misses", "probed_at", "proven_at", "latency_ms", "error",
)  # fmt: skip


def sweep() -> list[ServiceChange]:
    """Looks at all services, all at once. Returns the changes of state."""
    services = list(
        Service.objects.exclude(node__address="")
        .exclude(node__stage__in=(GpuNode.Stage.FAILED, GpuNode.Stage.GONE))
        .select_related("node")
    )
    looks = asyncio.run(_look_at(services))
    with transaction.atomic():
        return _write_down(list(zip(services, looks, strict=True)))


def _write_down(seen: list[tuple[Service, Look]]) -> list[ServiceChange]:
    """All at once. A service that somebody restarted while it was looked at is left as it is."""
    rows = Service.objects.filter(pk__in=[service.pk for service, _ in seen])
    since = dict(rows.select_for_update().order_by("pk").values_list("pk", "since"))
    valid = [(s, look) for s, look in seen if since.get(s.pk) == s.since]
    changes = [change for change in (_judge(s, look) for s, look in valid) if change]
    judged = [service for service, _ in valid]
    # The rows are there, and locked: this is bulk_update, some ten times as fast.
    Service.objects.bulk_create(
        judged, update_conflicts=True, unique_fields=("id",), update_fields=WRITTEN
    )
    ServiceChange.objects.bulk_create(changes)
    ServiceSample.objects.bulk_create(
        ServiceSample(service=s, taken_at=timezone.now(), state=s.state, latency_ms=s.latency_ms)
        for s in judged
    )
    return changes


def forget() -> int:
    """Deletes what is older than HISTORY and SAMPLES. Returns how many rows of history."""
    ServiceSample.objects.filter(taken_at__lt=timezone.now() - SAMPLES).delete()
    return ServiceChange.objects.filter(happened_at__lt=timezone.now() - HISTORY).delete()[0]


def node_by_hand() -> GpuNode | None:
    """The node that GPU_NODE_HOST names, with its services; None when it names none any more."""
    by_hand = GpuNode.objects.filter(name=BY_HAND)
    if not settings.GPU_NODE_HOST:
        for left in by_hand.exclude(stage=GpuNode.Stage.GONE):
            left.retire(GpuNode.Stage.GONE)
        return None
    by_hand.filter(stage=GpuNode.Stage.GONE).update(accepts_requests=True)
    node, _ = GpuNode.objects.update_or_create(
        name=BY_HAND,
        defaults={
            "address": settings.GPU_NODE_HOST,
            "stage": GpuNode.Stage.DONE,
            "inference_token": settings.GPU_NODE_TOKEN,
        },
    )
    services_declare(node, settings.GPU_NODE_PORTS)
    return node


def services_declare(node: GpuNode, ports: Sequence[int] = tuple(PORTS.values())) -> None:
    """One row for each kind of service, at these ports."""
    for kind, port in zip(PORTS, ports, strict=True):
        Service.objects.update_or_create(node=node, kind=kind, defaults={"port": port})


async def _look_at(services: Sequence[Service]) -> list[Look]:
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def one(service: Service) -> Look:
        node, due = service.node, _is_unproven(service)
        upstream = Upstream(service.url, node.inference_token, node.certificate)
        async with room:
            # All clocks run before the first look takes its time.
            deadline = asyncio.get_running_loop().time() + LONGEST
            await asyncio.sleep(0)
            return await look(upstream, service.kind, round_trip=due, deadline=deadline)

    return list(await asyncio.gather(*(one(service) for service in services)))


def _is_unproven(service: Service) -> bool:
    proven = service.proven_at
    stale = proven is None or proven < timezone.now() - PROVE_EVERY
    return stale or service.state != State.READY


def _judge(service: Service, seen: Look) -> ServiceChange | None:
    """Puts what was seen into the row; a change of state is told."""
    now = timezone.now()
    before, after = service.state, state_after(service, seen)
    good = seen.answers and not seen.loading and seen.works is not False
    service.hits = service.hits + 1 if good else 0
    service.misses = 0 if seen.answers else service.misses + 1
    service.probed_at, service.error = now, seen.error[:300]
    service.latency_ms = seen.latency_ms
    if seen.works:
        service.proven_at = now
    return _change(service, before, after, seen.error, now) if before != after else None


def state_after(service: Service, seen: Look) -> str:
    """The state that this look leads to.

    One miss is no outage and one answer no recovery: a service is down after DOWN_AFTER misses, and
    ready again after UP_AFTER good looks. Ready is only what did a whole round trip.
    """
    if not seen.answers:
        if service.misses + 1 < DOWN_AFTER or service.state == State.STARTING:
            return service.state
        return State.DOWN
    if seen.loading:
        return State.LOADING
    if seen.works is False:
        return State.DEGRADED
    if seen.works is None:
        return State.DEGRADED if seen.busy and _hangs(service) else service.state
    was_down = service.state == State.DOWN
    return service.state if was_down and service.hits + 1 < UP_AFTER else State.READY


def _hangs(service: Service) -> bool:
    """Busy for so long that nobody believes that it works."""
    proven, is_ready = service.proven_at, service.state == State.READY
    return is_ready and proven is not None and proven < timezone.now() - LONGEST_BUSY


def _change(service: Service, before: str, after: str, reason: str, now: datetime) -> ServiceChange:
    service.state, service.since = after, now
    logger.warning("%s is %s (was %s): %s", service, after, before, reason or "all is well")
    return ServiceChange(
        service=service, before=before, after=after, reason=reason[:300], happened_at=now
    )
