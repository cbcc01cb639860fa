"""Worker room: a GPU node's boot, report by report, each taken once and in order."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from django.db import IntegrityError, transaction
from django.utils import timezone

from gpu import boot_tokens, probing
from gpu.models import BootReport, GpuNode
from wopr.common.errors import Refused

logger = logging.getLogger(__name__)
Stage, Event = GpuNode.Stage, BootReport.Event
STAGES = (
    Stage.INSTALLING_DRIVERS,
    Stage.INSTALLING_DOCKER,
    Stage.DOWNLOADING_MODELS,
    Stage.STARTING_SERVICES,
    Stage.REGISTERING,
)
# Everything that a boot has to say, in the order in which it may be said.
REPORTS: tuple[tuple[str, str], ...] = (
    *((stage, event) for stage in STAGES for event in (Event.BEGIN, Event.END)),
    (Stage.DONE, Event.END),
)
# Longer than any boot that went well; a stage that outlasts it has stalled.
DEADLINES = {
    Stage.WAITING: timedelta(minutes=20),
    Stage.INSTALLING_DRIVERS: timedelta(minutes=40),
    Stage.INSTALLING_DOCKER: timedelta(minutes=20),
    Stage.DOWNLOADING_MODELS: timedelta(hours=2),
    Stage.STARTING_SERVICES: timedelta(minutes=40),
    Stage.REGISTERING: timedelta(minutes=10),
}
LONGEST_LOG = 16_000  # characters


class AlreadyReported(Refused):
    """Its answer may have been lost on the way, so the node may hear it again."""

    def __init__(self, node: GpuNode) -> None:
        super().__init__("already_reported", "This was reported before.", status=409)
        self.node = node


@dataclass(frozen=True)
class Report:
    """What a node said."""

    node: str
    stage: str
    event: str
    log: str = ""
    certificate: str = ""


def report_take(*, token: str, address: str, report: Report) -> GpuNode:
    """Takes the next report of a boot. Raises Refused, with a clear code, for any other."""
    node = GpuNode.objects.select_related("server").filter(pk=boot_tokens.node_of(token)).first()
    if node is None or node.name != report.node:
        raise Refused("unknown_node", "The token was not made for this node.", status=403)
    if node.stage in {Stage.FAILED, Stage.GONE}:
        raise _over(node)
    if not node.address:
        # curl tries a 503 again, and no other code that says "later".
        raise Refused("too_early", "The provider has not told its address yet.", status=503)
    if address != node.address:
        raise Refused(
            "wrong_address", "This is not the address that the provider gave the node.", status=403
        )
    if (report.stage, report.event) in REPORTS[: node.reported]:
        raise AlreadyReported(node)
    if node.stage == Stage.DONE:
        raise _over(node)
    if report.event == Event.FAIL:
        return _fail(node, report)
    return _advance(node, report)


def stalled() -> list[GpuNode]:
    """Nodes whose current stage has outlasted its deadline."""
    now = timezone.now()
    booting = GpuNode.objects.filter(stage__in=DEADLINES, server__isnull=False)
    return [n for n in booting if n.stage_since < now - DEADLINES[Stage(n.stage)]]


def boot_fail(node: GpuNode, reason: str) -> bool:
    """Ends a boot that cannot go on; False when it has ended meanwhile."""
    failed = GpuNode.objects.filter(pk=node.pk, stage=node.stage, reported=node.reported).update(
        stage=Stage.FAILED, stage_since=timezone.now(), failure=reason, accepts_requests=False
    )
    if failed:
        logger.error("the boot of %s failed: %s", node, reason)
    return bool(failed)


def _advance(node: GpuNode, report: Report) -> GpuNode:
    expected = REPORTS[node.reported]
    if (report.stage, report.event) != expected:
        raise Refused("wrong_order", f"Next comes {expected[0]} {expected[1]}.", status=409)
    certificate = _certificate(report) if report.stage == Stage.REGISTERING else ""
    with transaction.atomic():
        # One winner among all that say the same at once.
        won = GpuNode.objects.filter(pk=node.pk, reported=node.reported).update(
            reported=node.reported + 1, stage=report.stage, stage_since=timezone.now()
        )
        if not won:
            raise AlreadyReported(node)
        _keep(node, report)
        if certificate:
            GpuNode.objects.filter(pk=node.pk).update(certificate=certificate)
        if report.stage == Stage.STARTING_SERVICES:
            probing.services_declare(node)
    node.refresh_from_db()
    return node


def _over(node: GpuNode) -> Refused:
    return Refused("boot_over", f"The boot of this node is over: {node.stage}.", status=409)


def _fail(node: GpuNode, report: Report) -> GpuNode:
    if report.stage not in STAGES:
        raise Refused("unknown_stage", "There is no such stage.", field="stage")
    if not boot_fail(node, f"{report.stage}: {report.log.strip()[-2000:] or 'no log came'}"):
        raise AlreadyReported(node)
    _keep(node, report)
    node.refresh_from_db()
    return node


def _keep(node: GpuNode, report: Report) -> None:
    try:
        with transaction.atomic():
            BootReport.objects.create(
                node=node, stage=report.stage, event=report.event, log=report.log[-LONGEST_LOG:]
            )
    except IntegrityError as error:
        raise AlreadyReported(node) from error


def _certificate(report: Report) -> str:
    """The proxy's own certificate, which the end of the registration brings."""
    if report.event == Event.BEGIN:
        return ""
    try:
        x509.load_pem_x509_certificate(report.certificate.encode())
    except ValueError as error:
        raise Refused(
            "invalid_certificate", "This is no certificate in PEM form.", field="certificate"
        ) from error
    return report.certificate
