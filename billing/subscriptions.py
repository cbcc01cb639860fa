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
from billing.models import AddOn, Entitlement, Plan
from billing.terms import MOST_BOTS, items_of, plan_of
from tenants.models import Tenant
from wopr.common.errors import Refused
from wopr.common.locks import session_lock


@dataclass(frozen=True)
class Preview:
    """What a change would cost now. Amounts are in the currency's minor unit."""

    plan: Plan
    quantity: int
    due_now: int
    currency: str
    lines: tuple[tuple[str, int], ...]


def change_preview(*, tenant: Tenant, plan_code: str, quantity: int, interval: str = "") -> Preview:
    """The proration of a change, as Stripe would invoice it now. Changes nothing.

    Without an interval the subscription keeps its own.
    """
    with _locked(tenant) as subscription:
        target = _target(subscription, plan_code, quantity, interval)
        invoice = stripe.preview(subscription=subscription, items=target.items)
    lines = tuple((line["description"] or "", line["amount"]) for line in invoice["lines"]["data"])
    return Preview(target.plan, quantity, invoice["amount_due"], invoice["currency"], lines)


def change(*, tenant: Tenant, plan_code: str, quantity: int, interval: str = "") -> Entitlement:
    """Moves the subscription to a plan and number of bots; bots follow by operations.

    Without an interval the subscription keeps its own.
    """
    with _locked(tenant) as subscription:
        target = _target(subscription, plan_code, quantity, interval)
        key = _key(subscription, target.items)
        stripe.change(subscription=subscription, items=target.items, key=key)
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


@dataclass(frozen=True)
class Target:
    """Where a change leads: the plan, and what each item becomes."""

    plan: Plan
    items: list[dict[str, Any]]


def _target(subscription: Any, plan_code: str, quantity: int, interval: str) -> Target:
    if not 1 <= quantity <= MOST_BOTS:
        raise Refused("bad_quantity", f"Choose 1 to {MOST_BOTS} bots.", field="quantity")
    now = _plan_item(subscription)
    interval = interval or now["price"]["recurring"]["interval"]
    plan = Plan.objects.filter(code=plan_code, on_sale=True).first()
    price = plan.price(interval) if plan else None
    if plan is None or price is None or not price.stripe_price_id:
        raise Refused("unknown_plan", f"There is no plan “{plan_code}” on sale.", field="plan")
    wanted = (price.stripe_price_id, quantity)
    if (now["price"]["id"], now["quantity"]) == wanted:
        raise Refused("no_change", f"You have {plan.name} already.", field="plan", status=409)
    moved = {"id": now["id"], "price": price.stripe_price_id, "quantity": quantity}
    return Target(plan, [moved, *_moved_add_ons(subscription, interval)])


def _plan_item(subscription: Any) -> Any:
    """The item that is the plan; beside it there may be add-ons and metered ones."""
    items = subscription["items"]["data"]
    _, plan_item = plan_of(items_of(subscription))
    wanted = plan_item.price_id if plan_item else items[0]["price"]["id"]
    return next(item for item in items if item["price"]["id"] == wanted)


def _moved_add_ons(subscription: Any, interval: str) -> list[dict[str, Any]]:
    """Stripe wants one interval for all items, so add-ons move to theirs of the same length."""
    moved = []
    for item in subscription["items"]["data"]:
        add_on = AddOn.objects.filter(stripe_product_id=item["price"]["product"]).first()
        if add_on is None or item["price"]["recurring"]["interval"] == interval:
            continue
        price = add_on.price(interval)
        if price is None:
            raise Refused(
                "add_on_not_priced",
                f"{add_on.name} is not sold by the {interval}; remove it first.",
                field="interval",
                status=409,
            )
        moved.append({"id": item["id"], "price": price.stripe_price_id})
    return moved


def _key(subscription: Any, wanted: list[dict[str, Any]]) -> str:
    """The same for a double click, another one once the subscription has moved on."""
    now = items_of(subscription)
    text = f"{subscription['id']}|{now}|{subscription['latest_invoice']}|{wanted}"
    return hashlib.sha256(text.encode()).hexdigest()


def _refreshed(tenant: Tenant) -> Entitlement:
    entitlement = entitlement_refresh(tenant_id=tenant.pk)
    if entitlement is None:
        raise Refused("no_customer", f"{tenant.name} is unknown to Stripe.", status=409)
    return entitlement
