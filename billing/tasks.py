"""Tasks of the billing app."""

from celery import shared_task

from billing import (
    audit,
    backfill,
    catalogue,
    checkouts,
    entitlements,
    inbox,
    leaving,
    notices,
    owners,
    usage,
)
from billing.models import Entitlement, Plan


@shared_task(name="billing.trigger_process")
def trigger_process(trigger_id: int) -> None:
    inbox.trigger_process(trigger_id=trigger_id)


@shared_task(name="billing.inbox_sweep")
def inbox_sweep() -> None:
    """Takes up webhooks whose wake-up was lost or whose processing failed."""
    for trigger_id in inbox.triggers_due():
        inbox.trigger_process(trigger_id=trigger_id)


@shared_task(name="billing.events_recover")
def events_recover() -> None:
    """Takes up the events whose delivery never came."""
    for trigger_id in backfill.events_recover():
        inbox.trigger_process(trigger_id=trigger_id)


@shared_task(name="billing.stripe_audit")
def stripe_audit() -> None:
    """Records what differs from Stripe, then has Stripe's word decide for the tenants it names."""
    found = audit.audit()
    audit.alarm(found)
    for tenant_id in audit.tenants_of(found):
        entitlements.entitlement_refresh(tenant_id=tenant_id)


@shared_task(name="billing.plan_publish")
def plan_publish(plan_id: int) -> None:
    catalogue.plan_publish(plan=Plan.objects.get(pk=plan_id))


@shared_task(name="billing.plan_refresh")
def plan_refresh(plan_id: int) -> None:
    """Derives anew what every tenant of the plan may run."""
    for tenant_id in Entitlement.objects.filter(plan=plan_id).values_list("tenant_id", flat=True):
        entitlements.entitlement_refresh(tenant_id=tenant_id)


@shared_task(name="billing.checkouts_sweep")
def checkouts_sweep() -> None:
    checkouts.open_checkouts_refresh()


@shared_task(name="billing.usage_report")
def usage_report() -> None:
    """Tells Stripe's meters what they do not know yet."""
    usage.usage_report()


@shared_task(name="billing.notices_queue")
def notices_queue() -> None:
    """Queues the letters that are due, and writes credit notes; messages_sweep sends them."""
    notices.notices_queue()
    notices.credit_notes_write()


@shared_task(name="billing.leavers_settle")
def leavers_settle() -> None:
    """Ends the subscriptions of tenants that are deleted."""
    leaving.leavers_settle()


@shared_task(name="billing.owners_follow")
def owners_follow() -> None:
    """Tells Stripe of tenants that have another owner."""
    owners.owners_follow()
