"""Services: what a customer may do to a running subscription. None of them opens a second one."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from djstripe.models import Customer

from billing.entitlements import entitlement_refresh
from billing.gateways import stripe_subscriptions as stripe
from billing.models import Entitlement, Plan
from tenants.models import Tenant
from wopr.common.errors import Refused
from wopr.common.locks import session_lock

MOST_BOTS = 50


@dataclass(frozen=True)
class Preview:
    """What a change would cost now. Amounts are in the currency's minor unit."""

    plan: Plan
    quantity: int
    due_now: int
    currency: str
    lines: tuple[tuple[str, int], ...]


def change_preview(*, tenant: Tenant, plan_code: str, quantity: int) -> Preview:
    """The proration of a change, as Stripe would invoice it now. Changes nothing."""
    with _locked(tenant) as subscription:
        plan = _target(subscription, plan_code, quantity)
        invoice = stripe.preview(
            subscription=subscription, price_id=plan.stripe_price_id, quantity=quantity
        )
    lines = tuple((line["description"] or "", line["amount"]) for line in invoice["lines"]["data"])
    return Preview(plan, quantity, invoice["amount_due"], invoice["currency"], lines)


def change(*, tenant: Tenant, plan_code: str, quantity: int) -> Entitlement:
    """Moves the subscription to a plan and number of bots; bots follow by operations."""
    with _locked(tenant) as subscription:
        plan = _target(subscription, plan_code, quantity)
        stripe.change(
            subscription=subscription,
            price_id=plan.stripe_price_id,
            quantity=quantity,
            key=_key(subscription, plan, quantity),
        )
        return _refreshed(tenant)


def cancel(*, tenant: Tenant, now: bool) -> Entitlement:
    """Ends the subscription at the end of what is paid, or at once."""
    with _locked(tenant) as subscription:
        if now:
            stripe.cancel_now(subscription["id"])
        elif not subscription["cancel_at_period_end"]:
            stripe.set_cancel_at_period_end(subscription["id"], cancel=True)
        return _refreshed(tenant)


def resume(*, tenant: Tenant) -> Entitlement:
    """Takes a cancellation back, before the period has ended."""
    with _locked(tenant) as subscription:
        if not subscription["cancel_at_period_end"]:
            raise Refused(
                "not_cancelled", "The subscription is not cancelled; it goes on.", status=409
            )
        stripe.set_cancel_at_period_end(subscription["id"], cancel=False)
        return _refreshed(tenant)


def portal_open(*, tenant: Tenant) -> str:
    """The address of Stripe's pages for this customer's cards and invoices."""
    customers = Customer.objects.filter(subscriber=tenant)
    customer_id = customers.values_list("id", flat=True).first()
    if customer_id is None:
        raise Refused("no_customer", f"{tenant.name} has not bought anything yet.", status=409)
    back = f"{settings.WOPR_DASHBOARD_URL}/tenants/{tenant.pk}"
    return str(stripe.portal(customer_id=customer_id, return_url=back)["url"])


@contextmanager
def _locked(tenant: Tenant) -> Iterator[Any]:
    """The tenant's live subscription as Stripe has it now, nobody else changing it meanwhile."""
    with session_lock(f"billing:{tenant.pk}"):
        entitlement = Entitlement.objects.filter(tenant=tenant).first()
        if entitlement is None or entitlement.status not in Entitlement.ENTITLED:
            raise Refused(
                "no_subscription",
                f"{tenant.name} has no running subscription; choose a plan to start one.",
                status=409,
            )
        yield stripe.retrieve(entitlement.stripe_subscription_id)


def _target(subscription: Any, plan_code: str, quantity: int) -> Plan:
    plan = Plan.objects.filter(code=plan_code, on_sale=True).exclude(stripe_price_id="").first()
    if plan is None:
        raise Refused("unknown_plan", f"There is no plan “{plan_code}” on sale.", field="plan")
    if not 1 <= quantity <= MOST_BOTS:
        raise Refused("bad_quantity", f"Choose 1 to {MOST_BOTS} bots.", field="quantity")
    item = subscription["items"]["data"][0]
    if (item["price"]["id"], item["quantity"]) == (plan.stripe_price_id, quantity):
        raise Refused("no_change", f"You have {plan.name} already.", field="plan", status=409)
    return plan


def _key(subscription: Any, plan: Plan, quantity: int) -> str:
    """The same for a double click, another one once the subscription has moved on."""
    item = subscription["items"]["data"][0]
    state = f"{item['price']['id']}:{item['quantity']}:{subscription['latest_invoice']}"
    wanted = f"{plan.stripe_price_id}:{quantity}"
    return hashlib.sha256(f"{subscription['id']}|{state}|{wanted}".encode()).hexdigest()


def _refreshed(tenant: Tenant) -> Entitlement:
    entitlement = entitlement_refresh(tenant_id=tenant.pk)
    if entitlement is None:
        raise Refused("no_customer", f"{tenant.name} is unknown to Stripe.", status=409)
    return entitlement
