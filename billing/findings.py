"""Worker room: keeps what was found to differ from Stripe, one open row for each disagreement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from billing.models import Finding

# How many months each interval of Stripe's lasts.
MONTHS = {"day": 12 / 365, "week": 12 / 52, "month": 1, "year": 12}


@dataclass(frozen=True)
class Difference:
    """One disagreement, and the money that it is about each month, in minor units."""

    kind: str
    subject: str
    detail: str
    amount: int = 0
    currency: str = ""


def finding_open(difference: Difference) -> Finding:
    """Brings the open finding of this kind and subject up to date, or opens one."""
    now = timezone.now()
    told = {
        "detail": difference.detail,
        "amount": difference.amount,
        "currency": difference.currency,
        "last_seen": now,
    }
    finding, _ = Finding.objects.update_or_create(
        kind=difference.kind,
        subject=difference.subject,
        resolved_at=None,
        defaults=told,
        create_defaults={**told, "first_seen": now},
    )
    return finding


def several_check(subject: str, there: Sequence[Any], counts: str) -> None:
    """Opens or closes the finding that a tenant has more than one open subscription."""
    if len(there) > 1:
        finding_open(several(subject, there, counts))
        return
    Finding.objects.filter(
        kind=Finding.Kind.TWO_SUBSCRIPTIONS, subject=subject, resolved_at=None
    ).update(resolved_at=timezone.now())


def several(subject: str, there: Sequence[Any], counts: str) -> Difference:
    """One of them is what the tenant has here; the others are paid for nothing."""
    extra = [s for s in there if s["id"] != counts]
    detail = f"{counts} counts; beside it {', '.join(s['id'] for s in extra)}"
    return Difference(Finding.Kind.TWO_SUBSCRIPTIONS, subject, detail, *monthly(extra))


def monthly(subscriptions: Iterable[Any]) -> tuple[int, str]:
    """What the subscriptions bring in each month, in minor units, and the currency."""
    total, currency = 0.0, ""
    for subscription in subscriptions:
        currency = currency or subscription["currency"]
        for item in subscription["items"]["data"]:
            total += _monthly_of(item)
    return round(total), currency


def _monthly_of(item: Any) -> float:
    """Metered items have no amount of their own, and no quantity."""
    price = item["price"]
    if price["recurring"]["usage_type"] == "metered" or not price["unit_amount"]:
        return 0
    recurring = price["recurring"]
    months = MONTHS[recurring["interval"]] * recurring["interval_count"]
    return float(price["unit_amount"] * item["quantity"] / months)
