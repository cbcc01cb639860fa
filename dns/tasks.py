"""Tasks of the dns app."""

import logging

from celery import shared_task

from dns import reconciling
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)


@shared_task(name="dns.records_reconcile")
def records_reconcile() -> None:
    """Finds records that somebody changed, proxied or removed by hand, and mends them."""
    try:
        changes, failures = reconciling.reconcile(dry_run=False)
    except ProviderError as error:
        logger.error("the zones could not be compared: %s", error)
        return
    for line in [*changes, *failures]:
        logger.warning("DNS: %s", line)
