"""Worker room: re-reads a tenant's subscriptions at Stripe and derives what it may run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from djstripe.models import Customer

from billing.findings import several_check
from billing.gateways import stripe, stripe_subscriptions
from billing.models import Entitlement
from billing.signals import announce
from billing.terms import Item, items_of, terms_of
from wopr.common.correlation import current_id
from wopr.common.locks import session_lock


@dataclass(frozen=True)
class Reading:
    """What Stripe says of one tenant, reduced to what decides."""

    status: str = Entitlement.Status.NONE
    subscription_id: str = ""
    items: tuple[Item, ...] = ()
    current_period_end: datetime | None = None
    cancel_at_period_end: bool = False
    lapsed_at: datetime | None = None
    ended_at: datetime | None = None
    given_up: bool = False


def entitlement_refresh(*, tenant_id: UUID) -> Entitlement | None:
    """Brings the entitlement up to date with Stripe, one worker at a time for each tenant.

    Returns None when the tenant has no customer at Stripe. Raises ProviderError.
    """
    customer_id = _customer_of(tenant_id)
    if customer_id is None:
        return None
    with session_lock(f"billing:{tenant_id}"):
        subscriptions = stripe.subscriptions(customer_id)
        reading = _dated(derive(subscriptions))
        several_check(f"tenant:{tenant_id}", still_open(subscriptions), reading.subscription_id)
        return _store(tenant_id, reading)


def subscribed_at_stripe(*, tenant_id: UUID) -> bool:
    """Whether Stripe has a subscription of the tenant that has not ended, known here or not."""
    return bool(still_open(_at_stripe(tenant_id)))


def ever_subscribed(*, tenant_id: UUID) -> bool:
    """Whether a subscription of the tenant has ever begun at Stripe."""
    return any(each["status"] not in Entitlement.UNTRIED for each in _at_stripe(tenant_id))


def still_open(subscriptions: Sequence[Any]) -> list[Any]:
    """Those that have not ended, paid or not."""
    return [each for each in subscriptions if each["status"] in Entitlement.OPEN]


def live(subscriptions: Sequence[Any]) -> list[Any]:
    """Those that entitle."""
    return [each for each in subscriptions if each["status"] in Entitlement.ENTITLED]


def _at_stripe(tenant_id: UUID) -> list[Any]:
    customer_id = _customer_of(tenant_id)
    return [] if customer_id is None else stripe.subscriptions(customer_id)


def _customer_of(tenant_id: UUID) -> str | None:
    known = Customer.objects.filter(subscriber=tenant_id).values_list("id", flat=True)
    return cast(str | None, known.first())


def derive(subscriptions: Sequence[Any]) -> Reading:
    """The reading of the subscription that counts: one that entitles, else one that is open."""
    if not subscriptions:
        return Reading()
    chosen = max(live(subscriptions) or still_open(subscriptions) or subscriptions, key=_created)
    item = chosen["items"]["data"][0]
    return Reading(
        status=chosen["status"],
        subscription_id=chosen["id"],
        items=items_of(chosen),
        current_period_end=_moment(item["current_period_end"]),
        cancel_at_period_end=chosen["cancel_at_period_end"],
        lapsed_at=_lapsed_at(chosen),
        ended_at=_moment(chosen["ended_at"]),
        given_up=_is_given_up(chosen),
    )


def _created(subscription: Any) -> int:
    return int(subscription["created"])


def _is_given_up(subscription: Any) -> bool:
    """Whether Stripe ended it for want of a payment."""
    details = subscription["cancellation_details"]
    return bool(details and details["reason"] == "payment_failed")


def _dated(reading: Reading) -> Reading:
    """The clock of who does not pay counts from the first unpaid invoice: periods roll on.

    Stripe's giving up stops no clock. What is paid after that restores nothing at Stripe, so here
    it counts until the end of the period that was paid.
    """
    if reading.status not in Entitlement.COLLECTING and not reading.given_up:
        return reading
    arrears = stripe_subscriptions.arrears(reading.subscription_id)
    lapsed_at = _moment(arrears.unpaid_since) or reading.lapsed_at
    paid_at = _moment(arrears.paid_at)
    if not arrears.unpaid_since and paid_at and reading.ended_at and paid_at > reading.ended_at:
        lapsed_at = reading.current_period_end
    return replace(reading, lapsed_at=lapsed_at)


def _lapsed_at(subscription: Any) -> datetime | None:
    """When it ended, or when the period began that is not paid."""
    if subscription["status"] in {Entitlement.Status.ACTIVE, Entitlement.Status.TRIALING}:
        return None
    item = subscription["items"]["data"][0]
    return _moment(subscription["ended_at"] or item["current_period_start"])


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _store(tenant_id: UUID, reading: Reading) -> Entitlement:
    plan, terms = terms_of(reading.items)
    with transaction.atomic():
        entitlement, _ = Entitlement.objects.update_or_create(
            tenant_id=tenant_id,
            defaults={
                "plan": plan,
                "status": reading.status,
                **terms.as_dict(),
                "stripe_subscription_id": reading.subscription_id,
                "current_period_end": reading.current_period_end,
                "cancel_at_period_end": reading.cancel_at_period_end,
                "lapsed_at": reading.lapsed_at,
                "ended_at": reading.ended_at,
                "refreshed_at": timezone.now(),
                "correlation_id": current_id(),
            },
        )
        announce(tenant_id)
    return entitlement
