"""Worker room: what becomes of the subscription of a tenant that is to be deleted.

From the request on nothing can be bought, and it renews no more; once the deletion begins it ends.
Taken back, it goes on. All is found by looking: a Stripe that is away delays it and loses nothing.
"""

import logging

from django.db.models import Q
from djstripe.models import Customer

from billing import entitlements
from billing.gateways import stripe, stripe_subscriptions
from billing.models import Checkout, Entitlement
from tenants.models import Deletion, Tenant
from wopr.common.errors import ProviderError, Refused
from wopr.common.locks import session_lock

logger = logging.getLogger(__name__)
_OVER = (Entitlement.Status.CANCELED, Entitlement.Status.INCOMPLETE_EXPIRED)


def leavers_settle() -> None:
    """Brings the subscriptions of all who leave, or stay after all, to where they belong."""
    open_or_taken_back = Q(withdrawn_at__isnull=True, done_at__isnull=True) | Q(
        withdrawn_at__isnull=False, renewal_stopped=True
    )
    for deletion in Deletion.objects.filter(open_or_taken_back).select_related("tenant"):
        if deletion.tenant:
            _settle_by_itself(deletion, deletion.tenant)


def insist_staying(tenant: Tenant) -> None:
    """Raises Refused when the tenant is to be deleted: nothing begins there any more."""
    if Deletion.objects.open().filter(tenant=tenant).exists():
        raise Refused(
            "tenant_leaving", f"{tenant.name} is to be deleted. Take that back first.", status=409
        )


def is_over(tenant: Tenant) -> bool:
    """Whether Stripe has nothing left that could ever be charged."""
    return not any(_unfinished(tenant))


def _settle_by_itself(deletion: Deletion, tenant: Tenant) -> None:
    try:
        _settle(deletion, tenant)
    except ProviderError as error:
        logger.error("the subscription of %s waits: %s", tenant, error)


def _settle(deletion: Deletion, tenant: Tenant) -> None:
    if deletion.withdrawn_at:
        _let_go_on(deletion, tenant)
    elif deletion.state == "waiting":
        _stop_renewal(deletion, tenant)
    else:
        _end(tenant)


def _stop_renewal(deletion: Deletion, tenant: Tenant) -> None:
    entitlement = Entitlement.objects.filter(tenant=tenant).first()
    if entitlement is None or not entitlement.subscribed or entitlement.cancel_at_period_end:
        return
    # Noted before it is done: who takes the deletion back must get the renewal back.
    Deletion.objects.filter(pk=deletion.pk).update(renewal_stopped=True)
    _set_cancel(tenant, entitlement.stripe_subscription_id, cancel=True)


def _let_go_on(deletion: Deletion, tenant: Tenant) -> None:
    entitlement = entitlements.entitlement_refresh(tenant_id=tenant.pk)
    if entitlement and entitlement.subscribed and entitlement.cancel_at_period_end:
        _set_cancel(tenant, entitlement.stripe_subscription_id, cancel=False)
    Deletion.objects.filter(pk=deletion.pk).update(renewal_stopped=False)


def _set_cancel(tenant: Tenant, subscription_id: str, *, cancel: bool) -> None:
    with session_lock(f"billing:{tenant.pk}"):
        stripe_subscriptions.set_cancel_at_period_end(subscription_id, cancel=cancel)
        entitlements.entitlement_refresh(tenant_id=tenant.pk)


def _end(tenant: Tenant) -> None:
    _close_checkouts(tenant)
    with session_lock(f"billing:{tenant.pk}"):
        unfinished = _unfinished(tenant)
        for subscription_id in unfinished:
            stripe_subscriptions.cancel_now(subscription_id)
        if unfinished:
            entitlements.entitlement_refresh(tenant_id=tenant.pk)


def _unfinished(tenant: Tenant) -> list[str]:
    """Every subscription that is not over, whether or not it entitles to anything."""
    found: list[str] = []
    for customer_id in Customer.objects.filter(subscriber=tenant).values_list("id", flat=True):
        known = stripe.subscriptions(customer_id)
        found += [each["id"] for each in known if each["status"] not in _OVER]
    return found


def _close_checkouts(tenant: Tenant) -> None:
    """A payment page that is still open somewhere sells nothing any more."""
    for checkout in Checkout.objects.filter(tenant=tenant, status=Checkout.Status.OPEN):
        if stripe.session_retrieve(checkout.stripe_session_id)["status"] == "open":
            stripe.session_expire(checkout.stripe_session_id)
        Checkout.objects.filter(pk=checkout.pk).update(status=Checkout.Status.EXPIRED)
