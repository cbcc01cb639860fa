"""Worker room: compares every live subscription at Stripe with what we let tenants run.

Both ways: what is paid and does not run, and what runs and is not paid. What differs is looked at
a second time, with Stripe's word and our row read anew under the tenant's lock, so that a change
which came in between is no finding. The audit itself changes nothing but its findings.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from djstripe.models import Customer

from billing import entitlements
from billing.gateways import stripe, stripe_subscriptions
from billing.models import Entitlement, Finding, Plan
from wopr.common.locks import session_lock

Kind = Finding.Kind
_MONTHS = {"day": 12 / 365, "week": 12 / 52, "month": 1, "year": 12}


@dataclass(frozen=True)
class Difference:
    """One disagreement, and the money that it is about each month, in minor units."""

    kind: str
    subject: str
    detail: str
    amount: int = 0
    currency: str = ""


def audit() -> list[Finding]:
    """Compares everything and records what differs; returns the open findings.

    Raises ProviderError when Stripe cannot be read to the end; nothing is recorded then.
    """
    differences = _differences()
    with transaction.atomic():
        return _record(differences)


def tenants_of(findings: Iterable[Finding]) -> list[UUID]:
    """The tenants that findings are about."""
    subjects = {finding.subject for finding in findings}
    return [UUID(subject.partition(":")[2]) for subject in subjects if subject.startswith("tenant")]


def tenant_differences(
    tenant_id: UUID, live: Sequence[Any], entitlement: Entitlement | None
) -> list[Difference]:
    """What is wrong between a tenant's live subscriptions and its row."""
    subject = f"tenant:{tenant_id}"
    found: list[Difference] = []
    if len(live) > 1:
        found.append(_several(subject, live))
    difference = _disagreement(subject, live, entitlement)
    return [*found, difference] if difference else found


def _differences() -> list[Difference]:
    paid: dict[str, list[Any]] = defaultdict(list)
    for subscription in stripe_subscriptions.live():
        paid[subscription["customer"]].append(subscription)
    customers = _customers()
    known = {customer_id for ids in customers.values() for customer_id in ids}
    found = [_stranger(customer, subs) for customer, subs in paid.items() if customer not in known]
    rows = {row.tenant_id: row for row in Entitlement.objects.select_related("plan")}
    for tenant_id in customers.keys() | rows.keys():
        live = [s for customer_id in customers[tenant_id] for s in paid.get(customer_id, ())]
        if tenant_differences(tenant_id, live, rows.get(tenant_id)):
            found += _second_look(tenant_id, customers[tenant_id])
    return found


def _customers() -> dict[UUID, list[str]]:
    """The customers at Stripe of each tenant: one, unless something went wrong."""
    customers: dict[UUID, list[str]] = defaultdict(list)
    known = Customer.objects.filter(subscriber__isnull=False)
    for customer_id, tenant_id in known.values_list("id", "subscriber"):
        customers[tenant_id].append(customer_id)
    return customers


def _second_look(tenant_id: UUID, customer_ids: Iterable[str]) -> list[Difference]:
    with session_lock(f"billing:{tenant_id}"):
        subscriptions = [s for each in customer_ids for s in stripe.subscriptions(each)]
        live = [s for s in subscriptions if s["status"] in Entitlement.ENTITLED]
        row = Entitlement.objects.select_related("plan").filter(tenant=tenant_id).first()
        return tenant_differences(tenant_id, live, row)


def _disagreement(
    subject: str, live: Sequence[Any], entitlement: Entitlement | None
) -> Difference | None:
    here = _here(entitlement)
    entitled = entitlement is not None and entitlement.entitled
    if not live and not entitled:
        return None
    if not live:
        plan = entitlement.plan if entitlement else None
        worth = (plan.amount, plan.currency) if plan else (0, "")
        return Difference(Kind.ENTITLED_NOT_PAID, subject, f"Here {here}; Stripe: nothing", *worth)
    reading = entitlements.derive(live)
    there = _there(reading)
    if not entitled:
        detail = f"Stripe: {there} ({reading.subscription_id}); here {here}"
        return Difference(Kind.PAID_NOT_ENTITLED, subject, detail, *_monthly(live))
    if here == there:
        return None
    return Difference(Kind.OTHER_TERMS, subject, f"Stripe: {there}; here {here}", *_monthly(live))


def _here(entitlement: Entitlement | None) -> str:
    if entitlement is None:
        return "nothing"
    return f"{entitlement.plan or 'no plan'}, {entitlement.bots} bots, {entitlement.status}"


def _there(reading: entitlements.Reading) -> str:
    plan = Plan.objects.filter(stripe_price_id=reading.price_id).first()
    bots = plan.bots * reading.quantity if plan else 0
    return f"{plan or f'unknown price {reading.price_id}'}, {bots} bots, {reading.status}"


def _several(subject: str, live: Sequence[Any]) -> Difference:
    """One of them is what the tenant has here; the others are paid for nothing."""
    counts = entitlements.derive(live).subscription_id
    extra = [s for s in live if s["id"] != counts]
    detail = f"{counts} counts; beside it {', '.join(s['id'] for s in extra)}"
    return Difference(Kind.TWO_SUBSCRIPTIONS, subject, detail, *_monthly(extra))


def _stranger(customer_id: str, live: Sequence[Any]) -> Difference:
    ids = ", ".join(s["id"] for s in live)
    return Difference(Kind.UNKNOWN_CUSTOMER, customer_id, ids, *_monthly(live))


def _monthly(subscriptions: Iterable[Any]) -> tuple[int, str]:
    """What the subscriptions bring in each month, in minor units, and the currency."""
    total, currency = 0.0, ""
    for subscription in subscriptions:
        currency = currency or subscription["currency"]
        for item in subscription["items"]["data"]:
            each = item["price"]["unit_amount"] or 0
            recurring = item["price"]["recurring"]
            months = _MONTHS[recurring["interval"]] * recurring["interval_count"]
            total += each * (item["quantity"] or 0) / months
    return round(total), currency


def _record(differences: Sequence[Difference]) -> list[Finding]:
    """Open findings are those of this run; those that are seen no more are resolved."""
    now = timezone.now()
    seen = [_record_one(difference, now) for difference in differences]
    gone = Finding.objects.filter(resolved_at__isnull=True).exclude(pk__in=[f.pk for f in seen])
    gone.update(resolved_at=now)
    return seen


def _record_one(difference: Difference, now: Any) -> Finding:
    """Update the open finding of this kind and subject, or open one."""
    finding, _ = Finding.objects.update_or_create(
        kind=difference.kind,
        subject=difference.subject,
        resolved_at=None,
        defaults={
            "detail": difference.detail,
            "amount": difference.amount,
            "currency": difference.currency,
            "last_seen": now,
        },
        create_defaults={
            "detail": difference.detail,
            "amount": difference.amount,
            "currency": difference.currency,
            "first_seen": now,
            "last_seen": now,
        },
    )
    return finding
