"""Services: what a customer may do to a running subscription. None of them opens a second one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from djstripe.models import Customer

from billing import quotes
from billing.changes import Target, Wish, target_of
from billing.entitlements import entitlement_refresh
from billing.gateways import stripe_subscriptions as stripe
from billing.holds import refuse_held
from billing.leaving import insist_staying
from billing.models import Entitlement
from tenants.models import Tenant
from wopr.common.errors import Refused
from wopr.common.locks import session_lock


@dataclass(frozen=True)
class Line:
    """A line of an invoice; its amount may be negative."""

    description: str
    amount: int


@dataclass(frozen=True)
class Preview:
    """What a change would cost now, and from then on. Amounts are in the currency's minor unit."""

    target: Target
    due_now: int
    credit: int
    currency: str
    lines: tuple[Line, ...]
    next_at: datetime
    quote: str


def change_preview(*, tenant: Tenant, wish: Wish) -> Preview:
    """The proration of a change, as Stripe would invoice it now. Changes nothing."""
    with _locked(tenant) as subscription:
        target = target_of(subscription, wish)
        invoice = stripe.preview(subscription=subscription, items=target.items)
    data = invoice["lines"]["data"]
    ends = [line["period"]["end"] for line in data] or [target.period_end]
    return Preview(
        target=target,
        due_now=invoice["amount_due"],
        credit=max(-invoice["total"], 0),
        currency=invoice["currency"],
        lines=tuple(Line(line["description"] or "", line["amount"]) for line in data),
        next_at=datetime.fromtimestamp(max(ends), UTC),
        quote=quotes.quote(subscription["id"], stripe.prorated_at(invoice)),
    )


def change(*, tenant: Tenant, wish: Wish, quote: str = "") -> Entitlement:
    """Moves the subscription to what is wished for; bots follow by operations.

    With the quote of a preview it costs what the preview said.
    """
    refuse_held(tenant)
    with _locked(tenant) as subscription:
        target = target_of(subscription, wish)
        agreed = quotes.agreed(quote, subscription) if quote else None
        stripe.change(subscription=subscription, items=target.items, prorated_at=agreed)
        return _refreshed(tenant)


def cancel(*, tenant: Tenant, now: bool) -> Entitlement:
    """Ends the subscription at the end of what is paid, or at once."""
    with _locked(tenant, among=Entitlement.OPEN) as subscription:
        if now:
            stripe.cancel_now(subscription["id"])
        elif not subscription["cancel_at_period_end"]:
            stripe.set_cancel_at_period_end(subscription["id"], cancel=True)
        return _refreshed(tenant)


def resume(*, tenant: Tenant) -> Entitlement:
    """Takes a cancellation back, before the period has ended."""
    insist_staying(tenant)
    with _locked(tenant, among=Entitlement.OPEN) as subscription:
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
    back = f"{settings.WOPR_DASHBOARD_URL}/tenants/{tenant.pk}/billing"
    return str(stripe.portal(customer_id=customer_id, return_url=back)["url"])


@contextmanager
def _locked(tenant: Tenant, *, among: Sequence[str] = Entitlement.ENTITLED) -> Iterator[Any]:
    """The tenant's subscription as Stripe has it now, nobody else changing it meanwhile."""
    with session_lock(f"billing:{tenant.pk}"):
        entitlement = Entitlement.objects.filter(tenant=tenant).first()
        if entitlement is None or entitlement.status not in among:
            raise Refused(
                "no_subscription",
                f"{tenant.name} has no running subscription; choose a plan to start one.",
                status=409,
            )
        yield stripe.retrieve(entitlement.stripe_subscription_id)


def _refreshed(tenant: Tenant) -> Entitlement:
    entitlement = entitlement_refresh(tenant_id=tenant.pk)
    if entitlement is None:
        raise Refused("no_customer", f"{tenant.name} is unknown to Stripe.", status=409)
    return entitlement
