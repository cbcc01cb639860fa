"""Worker room: compares every open subscription at Stripe with what we let tenants run.

Both ways: what is paid and does not run, and what runs and is not paid. What differs is looked at
a second time, with Stripe's word and our row read anew under the tenant's lock, so that a change
which came in between is no finding. The audit itself changes nothing but its findings.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from djstripe.models import Customer

from billing import entitlements, findings
from billing.findings import MONTHS, Difference, monthly
from billing.gateways import stripe, stripe_subscriptions
from billing.models import Entitlement, Finding
from billing.terms import terms_of
from tenants import alarms
from wopr.common.locks import session_lock
from wopr.common.templatetags.figures import money

Kind = Finding.Kind


def audit() -> list[Finding]:
    """Compares everything and records what differs; returns the open findings.

    Raises ProviderError when Stripe cannot be read to the end; nothing is recorded then.
    """
    differences = _differences()
    with transaction.atomic():
        return _record(differences)


def alarm(found: Sequence[Finding]) -> None:
    """Tells staff what differs, each night for as long as something does."""
    if not found:
        return
    lines = [
        f"{each}: {each.detail} ({money(each.amount, each.currency)} a month)"
        if each.currency
        else f"{each}: {each.detail}"
        for each in found
    ]
    page = f"{settings.WOPR_DASHBOARD_URL}/admin/billing/finding/?resolved_at__isempty=1"
    alarms.staff_told(
        subject=f"Differences from Stripe: {len(lines)}", text="\n".join([*lines, "", page, ""])
    )


def tenants_of(findings: Iterable[Finding]) -> list[UUID]:
    """The tenants that findings are about."""
    subjects = {finding.subject for finding in findings}
    return [UUID(subject.partition(":")[2]) for subject in subjects if subject.startswith("tenant")]


def tenant_differences(
    tenant_id: UUID, there: Sequence[Any], entitlement: Entitlement | None
) -> list[Difference]:
    """What is wrong between a tenant's open subscriptions at Stripe and its row."""
    subject = f"tenant:{tenant_id}"
    found: list[Difference] = []
    if len(there) > 1:
        found.append(findings.several(subject, there, entitlements.derive(there).subscription_id))
    difference = _disagreement(subject, entitlements.live(there), entitlement)
    return [*found, *_paid_late(subject, entitlement), *([difference] if difference else [])]


def _paid_late(subject: str, entitlement: Entitlement | None) -> Iterator[Difference]:
    """Somebody who has to choose a plan again, or to get the money back."""
    if entitlement is None or not entitlement.runs_on_late_payment(timezone.now()):
        return
    ended, over = (f"{day:%Y-%m-%d}" for day in (entitlement.ended_at, entitlement.lapsed_at))
    what = entitlement.stripe_subscription_id
    detail = f"{what} ended on {ended} and was paid after that; here it runs until {over}"
    yield Difference(Kind.PAID_AFTER_END, subject, detail, *_worth(entitlement))


def _differences() -> list[Difference]:
    held: dict[str, list[Any]] = defaultdict(list)
    for subscription in stripe_subscriptions.still_open():
        held[subscription["customer"]].append(subscription)
    customers = _customers()
    known = {customer_id for ids in customers.values() for customer_id in ids}
    found = [_stranger(customer, subs) for customer, subs in held.items() if customer not in known]
    rows = {row.tenant_id: row for row in Entitlement.objects.select_related("plan")}
    for tenant_id in customers.keys() | rows.keys():
        there = [s for customer_id in customers[tenant_id] for s in held.get(customer_id, ())]
        if tenant_differences(tenant_id, there, rows.get(tenant_id)):
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
        there = entitlements.still_open(subscriptions)
        row = Entitlement.objects.select_related("plan").filter(tenant=tenant_id).first()
        return tenant_differences(tenant_id, there, row)


def _disagreement(
    subject: str, live: Sequence[Any], entitlement: Entitlement | None
) -> Difference | None:
    here = _here(entitlement)
    entitled = entitlement is not None and entitlement.entitled
    if not live and not entitled:
        return None
    if not live:
        worth = _worth(entitlement)
        return Difference(Kind.ENTITLED_NOT_PAID, subject, f"Here {here}; Stripe: nothing", *worth)
    reading = entitlements.derive(live)
    there = _there(reading)
    if not entitled:
        detail = f"Stripe: {there} ({reading.subscription_id}); here {here}"
        return Difference(Kind.PAID_NOT_ENTITLED, subject, detail, *monthly(live))
    if here == there:
        return None
    return Difference(Kind.OTHER_TERMS, subject, f"Stripe: {there}; here {here}", *monthly(live))


def _worth(entitlement: Entitlement | None) -> tuple[int, str]:
    """What our row says that the tenant pays each month."""
    if entitlement is None:
        return 0, ""
    return round(entitlement.amount / MONTHS[entitlement.interval or "month"]), entitlement.currency


def _here(entitlement: Entitlement | None) -> str:
    if entitlement is None:
        return "nothing"
    row = entitlement
    return _said(str(row.plan or "no plan"), row.bots, row.memory_mb, row.disk_gb, row.status)


def _there(reading: entitlements.Reading) -> str:
    plan, terms = terms_of(reading.items)
    unknown = ", ".join(item.product_id for item in reading.items)
    name = str(plan) if plan else f"unknown products {unknown}"
    return _said(name, terms.bots, terms.memory_mb, terms.disk_gb, reading.status)


def _said(plan: str, bots: int, memory_mb: int, disk_gb: int, status: str) -> str:
    return f"{plan}, {bots} bots of {memory_mb} MB and {disk_gb} GB, {status}"


def _stranger(customer_id: str, held: Sequence[Any]) -> Difference:
    ids = ", ".join(s["id"] for s in held)
    return Difference(Kind.UNKNOWN_CUSTOMER, customer_id, ids, *monthly(held))


def _record(differences: Sequence[Difference]) -> list[Finding]:
    """Open findings are those of this run; those that are seen no more are resolved."""
    now = timezone.now()
    seen = [findings.finding_open(difference) for difference in differences]
    gone = Finding.objects.filter(resolved_at__isnull=True).exclude(pk__in=[f.pk for f in seen])
    gone.update(resolved_at=now)
    return seen
