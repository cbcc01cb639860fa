"""Tasks of the fleet app. A message carries an id; everything else is in the database."""

import logging
from uuid import UUID

from celery import shared_task

from fleet import (
    backups,
    convergence,
    crashes,
    dedicated,
    disks,
    domains,
    drift,
    edge,
    exports,
    headroom,
    metering,
    observing,
    provider_news,
    provider_watch,
    pruning,
    releases,
    repairs,
    rollouts,
    standings,
)
from fleet.models import Node
from fleet.operations import ledger, runner
from fleet.providers import registry
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
        except Exception:  # one tenant's trouble must not keep the others waiting
            logger.exception("tenant %s could not be looked after", tenant_id)


@shared_task(name="fleet.dedicated_reconcile")
def dedicated_reconcile() -> None:
    """Sees that tenants have the machines of their own that they pay for, and no others."""
    for operation in dedicated.reconcile():
        wake(operation_run, operation.pk)


@shared_task(name="fleet.headroom_keep")
def headroom_keep() -> None:
    """Buys a server when the pool has too little room, if WOPR may."""
    if operation := headroom.buy():
        wake(operation_run, operation.pk)


@shared_task(name="fleet.headroom_alarm")
def headroom_alarm() -> None:
    """Writes to staff while the pool has too little room."""
    headroom.alarm()


@shared_task(name="fleet.standings_reconcile")
def standings_reconcile() -> None:
    """Suspends whose grace is over, brings back who has paid."""
    for operation in standings.follow():
        wake(operation_run, operation.pk)


@shared_task(name="fleet.domain_attend")
def domain_attend(domain_id: str) -> None:
    domains.attend(UUID(domain_id))


@shared_task(name="fleet.domains_sweep")
def domains_sweep() -> None:
    """Looks at the custom domains whose time has come."""
    for domain_id in domains.due_ids():
        wake(domain_attend, domain_id)


@shared_task(name="fleet.providers_look")
def providers_look() -> None:
    """Looks at every provider that machines are bought from, one message for each."""
    for name in registry.configured():
        wake(provider_look, name)


@shared_task(name="fleet.provider_look")
def provider_look(name: str) -> None:
    provider_watch.look_at(name)
    provider_news.tell_changes()


@shared_task(name="fleet.edge_reconcile")
def edge_reconcile() -> None:
    """Puts our routes back after somebody else changed or restarted Caddy."""
    if edge.publish():
        logger.warning("the edge's routes differed from the rows and were pushed again")


@shared_task(name="fleet.storage_meter")
def storage_meter() -> None:
    """Counts what the bots' volumes hold; safe to run more often than once an hour."""
    metering.storage_meter()


@shared_task(name="fleet.backups_nightly")
def backups_nightly() -> None:
    """Opens the backups whose turn it is, a few at a time."""
    for operation in backups.nightly():
        wake(operation_run, operation.pk)


@shared_task(name="fleet.backups_prove")
def backups_prove() -> None:
    """Has each tenant's longest unproven backup restored and compared again."""
    for operation in backups.proofs():
        wake(operation_run, operation.pk)


@shared_task(name="fleet.backups_alarm")
def backups_alarm() -> None:
    """Writes to staff when backups or proofs have stopped."""
    backups.alarm()


@shared_task(name="fleet.exports_expire")
def exports_expire() -> None:
    """Deletes the last backups that are not offered any more."""
    for operation in exports.expire():
        wake(operation_run, operation.pk)


@shared_task(name="fleet.nodes_observe")
def nodes_observe() -> None:
    """Has every node looked at, each by a worker of its own: one that is away delays no other."""
    for node_id in Node.objects.values_list("pk", flat=True):
        wake(node_observe, node_id)


@shared_task(name="fleet.node_observe")
def node_observe(node_id: str) -> None:
    try:
        observing.node_observe(node_id=UUID(node_id))
    except ProviderError as error:
        logger.warning("node %s could not be looked at: %s", node_id, error)


@shared_task(name="fleet.disks_measure")
def disks_measure() -> None:
    for node_id in Node.objects.values_list("pk", flat=True):
        wake(disk_measure, node_id)


@shared_task(name="fleet.disk_measure")
def disk_measure(node_id: str) -> None:
    """Reads what the bots of a node keep."""
    try:
        disks.node_measure(node_id=UUID(node_id))
    except ProviderError as error:
        logger.warning("the disks on node %s could not be measured: %s", node_id, error)


@shared_task(name="fleet.disks_enforce")
def disks_enforce() -> None:
    """Stops bots whose disk is full, and starts those that have room again."""
    for operation in disks.enforce():
        wake(operation_run, operation.pk)


@shared_task(name="fleet.observations_thin")
def observations_thin() -> None:
    """Keeps the rows of what was seen few: hourly samples later, and none after that."""
    observing.samples_thin()
    observing.events_forget()


@shared_task(name="fleet.releases_poll")
def releases_poll() -> None:
    """Looks what is behind the moving tags; what is new gets its rollout by the next task."""
    releases.poll()


@shared_task(name="fleet.rollouts_advance")
def rollouts_advance() -> None:
    """Takes every rollout as far as it may go now."""
    for operation in rollouts.advance():
        wake(operation_run, operation.pk)


@shared_task(name="fleet.images_prune")
def images_prune() -> None:
    """Lets go of images on the nodes that nothing needs any more."""
    pruning.prune()


@shared_task(name="fleet.crashes_watch")
def crashes_watch() -> None:
    """Tells of bots that end again and again, and sees them calm again."""
    crashes.watch()


@shared_task(name="fleet.nodes_compare")
def nodes_compare() -> None:
    """Has every machine looked at, each by itself: one that does not answer delays no other."""
    for node_id in Node.objects.values_list("pk", flat=True):
        wake(node_compare, node_id)


@shared_task(name="fleet.node_compare")
def node_compare(node_id: str) -> None:
    """Compares a machine with the rows and opens the repairs that need nobody's word."""
    node = drift.node_compare(node_id=UUID(node_id))
    for operation in repairs.open_due(node=node) if node else ():
        wake(operation_run, operation.pk)
