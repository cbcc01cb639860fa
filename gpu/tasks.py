"""Tasks of the gpu app. A message carries an id at most; everything else is in the database."""

import logging

from celery import shared_task

from gpu import books, probing

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


@shared_task(name="gpu.history_forget")
def history_forget() -> None:
    probing.forget()
