"""Every write of billing's surfaces."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from djstripe.models import Customer, WebhookEventTrigger

from billing import checkouts, entitlements, holds, inbox, leaving
from billing.gateways import stripe
from billing.models import Checkout, Entitlement, Plan, Price
from billing.orders import Order, order_of
from billing.tasks import plan_publish, plan_refresh, stripe_audit, trigger_process
from tenants.models import Tenant
from wopr.common.correlation import current_id
from wopr.common.errors import ProviderError, Refused
from wopr.common.locks import session_lock
from wopr.common.queue import wake

# Enough to tell a delivery by; cookies and authorisation of a stranger are not ours to keep.
KEPT_HEADERS = ("Stripe-Signature", "Content-Type", "User-Agent")
# Enough to see what came; a stranger shall not fill the table.
KEPT_OF_REFUSED = 4096  # characters


def webhook_store(*, body: str, headers: dict[str, str], address: str, secret: str) -> bool:
    """Stores a delivery and wakes a worker. Tells whether its signature is good; calls nobody."""
    trigger = WebhookEventTrigger(
        # PostgreSQL's text has no room for NUL, and no JSON has one either.
        body=body.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        headers={name: headers[name] for name in KEPT_HEADERS if name in headers},
        remote_ip=address,
    )
    # The signature first: the parser sees nothing that a stranger wrote.
    trigger.valid = trigger.verify_signature(
        secret, settings.STRIPE_WEBHOOK_TOLERANCE
    ) and _is_event(trigger)
    if not trigger.valid:
        trigger.body = trigger.body[:KEPT_OF_REFUSED]
        trigger.exception = "refused: signature missing, wrong or too old, or no Stripe event"
    trigger.save()
    if trigger.valid:
        wake(trigger_process, trigger.pk, after=inbox.patience(trigger.json_body.get("type", "")))
    return bool(trigger.valid)


def _is_event(trigger: WebhookEventTrigger) -> bool:
    event = trigger.json_body
    if not isinstance(event, dict) or not isinstance(event.get("id"), str):
        return False
    data = event.get("data")
    return isinstance(data, dict) and isinstance(data.get("object"), dict)


def webhook_process_again(*, trigger: WebhookEventTrigger) -> None:
    """Has a worker take up a stored delivery once more. Refused when it was not Stripe's."""
    if not trigger.valid:
        raise Refused("webhook_not_valid", "This delivery was refused: it is not from Stripe.")
    WebhookEventTrigger.objects.filter(pk=trigger.pk).update(processed=False)
    wake(trigger_process, trigger.pk)


def plan_offer(*, plan: Plan) -> None:
    """Has a worker give the plan its product and price at Stripe."""
    wake(plan_publish, plan.pk)


def audit_request() -> None:
    """Has a worker compare everything with Stripe now."""
    wake(stripe_audit)


def plan_apply(*, plan: Plan) -> None:
    """Has a worker bring the tenants that have the plan to its limits of now."""
    wake(plan_refresh, plan.pk)


def checkout_open(
    *,
    tenant: Tenant,
    plan_code: str,
    interval: str = Price.Interval.MONTH,
    quantity: int = 1,
    add_ons: Mapping[str, int] | None = None,
) -> Checkout:
    """A payment page for the plan and its add-ons: the one that is open already, or a new one.

    Raises Refused for what is not sold, and for a tenant on hold or with a subscription,
    ProviderError when Stripe cannot be reached; nothing is charged in any of these cases.
    """
    leaving.insist_staying(tenant)
    more = {code: count for code, count in (add_ons or {}).items() if count}
    order = order_of(plan_code=plan_code, interval=interval, quantity=quantity, add_ons=more)
    holds.refuse_held(tenant)
    _refuse_subscribed(tenant, Entitlement.objects.filter(tenant=tenant).first())
    customer_id = customer_ensure(tenant=tenant)
    wanted = {
        "plan": order.plan,
        "interval": interval,
        "quantity": quantity,
        "add_ons": more,
    }
    # Two tabs with two plans: the second waits, and finds (or closes) what the first has opened.
    with session_lock(f"checkout:{tenant.pk}"):
        checkout = _live_checkout(tenant, wanted)
        if checkout.status == Checkout.Status.OPEN:
            return checkout
        return checkouts.opened(checkout, _session(checkout, order, customer_id))


def _session(checkout: Checkout, order: Order, customer_id: str) -> Any:
    plan = order.plan
    try:
        return stripe.session_create(
            checkout_id=str(checkout.pk),
            customer_id=customer_id,
            lines=[(line.price.stripe_price_id, line.quantity) for line in order.lines],
            trial_days=_trial_days(checkout.tenant, plan),
            metadata={"tenant": str(checkout.tenant_id), "plan": plan.code},
        )
    except ProviderError as error:
        if error.answered:
            Checkout.objects.filter(pk=checkout.pk).update(status=Checkout.Status.EXPIRED)
        raise


def _trial_days(tenant: Tenant, plan: Plan) -> int:
    """Free days are for the first time: who cancels and comes back pays from the first day."""
    if not plan.trial_days or entitlements.ever_subscribed(tenant_id=tenant.pk):
        return 0
    return plan.trial_days


def _refuse_subscribed(tenant: Tenant, entitlement: Entitlement | None) -> None:
    if entitlement is None or not entitlement.subscribed:
        return
    owes = entitlement.status not in Entitlement.ENTITLED
    unpaid = "; pay what is open, or cancel it first" if owes else ""
    raise Refused(
        "already_subscribed",
        f"{tenant.name} already has a subscription; it was not charged again{unpaid}.",
        status=409,
    )


def _live_checkout(tenant: Tenant, wanted: dict[str, Any]) -> Checkout:
    """The tenant's live row for just this; one for anything else is closed at Stripe first."""
    live = Checkout.objects.filter(tenant=tenant, status__in=Checkout.LIVE).first()
    if live and live.status == Checkout.Status.OPEN:
        live = checkouts.checkout_refresh(checkout=live)
    if live and live.status == Checkout.Status.COMPLETE:
        raise Refused(
            "already_subscribed",
            f"{tenant.name} has just paid; the bot is being set up.",
            status=409,
        )
    if live and live.status in Checkout.LIVE:
        if all(getattr(live, name) == value for name, value in wanted.items()):
            return live
        _close(live)
    # Stripe's word of now: a purchase may have ended while this one waited for its turn.
    if entitlements.subscribed_at_stripe(tenant_id=tenant.pk):
        _refuse_subscribed(tenant, entitlements.entitlement_refresh(tenant_id=tenant.pk))
    return Checkout.objects.create(tenant=tenant, correlation_id=current_id(), **wanted)


def _close(checkout: Checkout) -> None:
    if checkout.stripe_session_id:
        stripe.session_expire(checkout.stripe_session_id)
    Checkout.objects.filter(pk=checkout.pk).update(status=Checkout.Status.EXPIRED)


def customer_ensure(*, tenant: Tenant) -> str:
    """The id of the tenant's customer at Stripe, created once."""
    with session_lock(f"customer:{tenant.pk}"):
        known = Customer.objects.filter(subscriber=tenant).first()
        return str(known.id) if known else _customer_create(tenant)


def _customer_create(tenant: Tenant) -> str:
    """Takes up the customer of an earlier try, whose answer was lost, or creates one."""
    email, tenant_id = tenant.email, str(tenant.pk)
    data: Any = stripe.customer_find(email=email, tenant_id=tenant_id)
    data = data or stripe.customer_create(email=email, name=tenant.name, tenant_id=tenant_id)
    with stripe.translated("The Stripe customer could not be stored"):
        customer = Customer.sync_from_stripe_data(data, api_key=settings.STRIPE_SECRET_KEY)
    Customer.objects.filter(pk=customer.pk).update(subscriber=tenant)
    return str(customer.id)
