"""Tasks of the fleet app. A message carries an id; everything else is in the database."""

import logging
from uuid import UUID

from celery import shared_task

from fleet import convergence, edge, exports, metering, standings
from fleet.operations import ledger, runner
from wopr.common.errors import ProviderError
from wopr.common.queue import wake

logger = logging.getLogger(__name__)


@shared_task(name="fleet.operation_run")
def operation_run(operation_id: str) -> None:
    runner.run(UUID(operation_id))


@shared_task(name="fleet.operations_sweep")
def operations_sweep() -> None:
    """Takes up what is due and whatever a dead worker left."""
    for operation_id in ledger.due_ids():
        wake(operation_run, operation_id)


@shared_task(name="fleet.instances_reconcile")
def instances_reconcile() -> None:
    """Finds entitlements whose announcement was lost, and failed bots that are paid for."""
    for tenant_id in convergence.lacking_tenant_ids():
        try:
            for operation in convergence.tenant_converge(tenant_id=tenant_id):
                wake(operation_run, operation.pk)
        except ProviderError as error:
            logger.error("tenant %s waits for its bot: %s", tenant_id, error)
        except Exception:  # one tenant's trouble must not keep the others waiting
            logger.exception("tenant %s could not be looked after", tenant_id)


@shared_task(name="fleet.standings_reconcile")
def standings_reconcile() -> None:
    """Suspends whose grace is over, brings back who has paid."""
    for operation in standings.follow():
        wake(operation_run, operation.pk)


@shared_task(name="fleet.edge_reconcile")
def edge_reconcile() -> None:
    """Puts our routes back after somebody else changed or restarted Caddy."""
    if edge.publish():
        logger.warning("the edge's routes differed from the rows and were pushed again")


@shared_task(name="fleet.storage_meter")
def storage_meter() -> None:
    """Counts what the bots' volumes hold; safe to run more often than once an hour."""
    metering.storage_meter()


@shared_task(name="fleet.exports_expire")
def exports_expire() -> None:
    """Deletes the last backups that are not offered any more."""
    for operation in exports.expire():
        wake(operation_run, operation.pk)
