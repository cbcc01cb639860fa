"""Tasks of the gpu app. A message carries an id at most; everything else is in the database."""

import logging

from celery import shared_task

from gpu import books, booting, probing, remedies

logger = logging.getLogger(__name__)


@shared_task(name="gpu.holds_release")
def holds_release() -> None:
    """Gives back what gateways that died had set aside."""
    if released := books.release_expired():
        logger.warning("%s holds of dead gateways were released", released)


@shared_task(name="gpu.services_probe")
def services_probe() -> None:
    """Looks at every service of every node."""
    probing.node_by_hand()
    probing.sweep()


@shared_task(name="gpu.remedies_sweep")
def remedies_sweep() -> None:
    """Helps nodes whose services do not work."""
    remedies.sweep()


@shared_task(name="gpu.boots_watch")
def boots_watch() -> None:
    """Fails boots that stalled; their operations give the machines back."""
    for node in booting.stalled():
        limit = booting.DEADLINES[booting.Stage(node.stage)]
        booting.boot_fail(node, f"{node.stage} took longer than {limit}")


@shared_task(name="gpu.history_forget")
def history_forget() -> None:
    probing.forget()
