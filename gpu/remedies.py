"""Worker room: helps nodes whose services do not work, from the smallest remedy to the last.

The service is restarted, the machine rebooted, the node replaced, staff told. Each is tried only so
often in a day, by its rows, so nothing goes round for ever and a restart of ours forgets nothing.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from fleet.models import Operation, Server
from gpu import services
from gpu.models import GpuNode, Remedy, Service
from gpu.operations.restarting import BACK_AT_WORK
from tenants import alarms
from wopr.common.errors import ProviderError, Refused

logger = logging.getLogger(__name__)
Action, State = Remedy.Action, Service.State
CAUSE = "remedy: services do not work"
# A service may be down or degraded for so long before anything is done about it.
PATIENCE = timedelta(minutes=2)
LONGEST_START = timedelta(seconds=BACK_AT_WORK)
DAY = timedelta(days=1)
RESTARTS_A_DAY, REBOOTS_A_DAY = 2, 2  # of one service, of one node


def sweep() -> list[Remedy]:
    """Follows what was begun, and begins what is needed. Returns what was begun."""
    under_way = Remedy.objects.filter(ended_at=None)
    for remedy in under_way.select_related("operation", "node__server", "replacement__server"):
        _follow(remedy)
    begun = [_treated(node) for node in _treatable()]
    return [remedy for remedy in begun if remedy is not None]


def ailing(node: GpuNode) -> QuerySet[Service]:
    """Its services that have not worked for longer than a mishap, or a start, lasts."""
    now = timezone.now()
    broken = Q(state__in=(State.DOWN, State.DEGRADED), since__lte=now - PATIENCE)
    stuck = Q(state__in=(State.STARTING, State.LOADING), since__lte=now - LONGEST_START)
    return node.services.filter(broken | stuck).select_related("node__server")


def _treatable() -> list[GpuNode]:
    """Nodes that have served, on which nothing is under way and that nobody is giving back."""
    busy = Operation.objects.live().filter(subject_kind="server").values("subject_id")
    return list(
        GpuNode.objects.filter(stage=GpuNode.Stage.DONE, accepts_requests=True)
        .filter(Q(server=None) | Q(server__status=Server.Status.READY))
        .exclude(server__in=busy)
        .exclude(remedies__in=Remedy.objects.filter(ended_at=None))
        .select_related("server")
    )


def _treated(node: GpuNode) -> Remedy | None:
    """What one node refuses keeps no help from the others, and is tried again at the next sweep."""
    try:
        return _treat(node, list(ailing(node)))
    except Refused as refused:
        logger.warning("%s cannot be helped now: %s", node, refused.message)
        return None


def _treat(node: GpuNode, broken: list[Service]) -> Remedy | None:
    if not broken:
        return None
    said = "; ".join(f"{s.kind} is {s.state} since {s.since:%H:%M} ({s.error})" for s in broken)
    if node.server is not None:
        if service := _restartable(node, broken):
            return _restart(service, said)
        if _today(Action.REBOOT).filter(node=node).count() < REBOOTS_A_DAY:
            return _reboot(node, said)
        if _today(Action.REPLACE).count() < settings.WOPR_GPU_REPLACEMENTS_A_DAY:
            return _replace(node, said)
    if not _today(Action.TELL).filter(node=node).exists():
        return _tell(Remedy.objects.create(node=node, action=Action.TELL, reason=said))
    return None


def _today(action: str) -> QuerySet[Remedy]:
    return Remedy.objects.filter(action=action, created_at__gt=timezone.now() - DAY)


def _restartable(node: GpuNode, broken: list[Service]) -> Service | None:
    """None when the whole machine is silent: then nobody is there who could restart anything."""
    if not node.services.exclude(state=State.DOWN).exists():
        return None
    restarts = _today(Action.RESTART)
    left = (s for s in broken if restarts.filter(service=s).count() < RESTARTS_A_DAY)
    return next(left, None)


def _restart(service: Service, reason: str) -> Remedy:
    with transaction.atomic():
        operation = services.service_restart(service=service, cause=CAUSE)
        return _begun(service.node, Action.RESTART, reason, service=service, operation=operation)


def _reboot(node: GpuNode, reason: str) -> Remedy:
    with transaction.atomic():
        operation = services.gpu_reboot(node=node, cause=CAUSE)
        return _begun(node, Action.REBOOT, reason, operation=operation)


def _replace(node: GpuNode, reason: str) -> Remedy:
    """Like the one that does not work; what cannot be ordered is noted, and staff are told next."""
    server = services.server_of(node)
    try:
        with transaction.atomic():
            new = services.gpu_provision(
                provider=server.provider,
                region=server.region,
                size=server.size,
                image=node.wanted_image,
                cause=CAUSE,
            )
            return _begun(node, Action.REPLACE, reason, replacement=new)
    except Refused as refused:
        remedy = _begun(node, Action.REPLACE, reason)
        _end(remedy, f"nothing could be ordered: {refused.message}")
        return remedy


def _begun(node: GpuNode, action: str, reason: str, **what: object) -> Remedy:
    logger.error("%s: %s, because %s", node, Action(action).label, reason)
    return Remedy.objects.create(node=node, action=action, reason=reason, **what)


def _follow(remedy: Remedy) -> None:
    if remedy.action == Action.TELL:
        _tell(remedy)
    elif remedy.action == Action.REPLACE:
        _follow_replacement(remedy)
    elif remedy.operation is not None and not remedy.operation.is_live:
        _end(remedy, remedy.operation.error or "it worked")


def _follow_replacement(remedy: Remedy) -> None:
    """The old node is given back once the new one was seen at work, and kept when it never is."""
    new = remedy.replacement
    status = new.server.status if new and new.server else Server.Status.GONE
    if status in {Server.Status.FAILED, Server.Status.LEAKED, Server.Status.GONE}:
        _end(remedy, f"the new node came to nothing: {new.failure if new else 'it is gone'}")
    elif status == Server.Status.READY:
        with transaction.atomic():
            try:
                services.gpu_destroy(node=remedy.node, cause=CAUSE)
            except Refused as refused:
                logger.warning("%s is not given back yet: %s", remedy.node, refused.message)
                return
            _end(remedy, f"{new} took its place")


def _tell(remedy: Remedy) -> Remedy:
    """A mail server that is away is tried again at the next sweep."""
    tried = Remedy.objects.filter(node=remedy.node, created_at__gt=timezone.now() - DAY)
    text = f"{remedy.node} does not work, and what WOPR may do by itself is done for today.\n\n"
    text += f"{remedy.reason}\n\n"
    text += "\n".join(f"{r.created_at:%H:%M} {r}: {r.outcome}" for r in tried.exclude(pk=remedy.pk))
    try:
        alarms.staff_told(subject=f"The GPU node {remedy.node} needs you", text=f"{text}\n")
    except ProviderError as error:
        logger.error("staff was not told of %s: %s", remedy.node, error)
    else:
        _end(remedy, "staff was told")
    return remedy


def _end(remedy: Remedy, outcome: str) -> None:
    remedy.ended_at, remedy.outcome = timezone.now(), outcome
    remedy.save(update_fields=["ended_at", "outcome", "updated_at"])
