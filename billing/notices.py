"""Worker room: the letters that a tenant's standing with us asks for.

Level-triggered: what is due is read off the rows, and a letter's cause makes it go out once,
however often this runs and whatever was missed in between.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Q, Value
from django.db.models.functions import Concat
from django.utils import timezone
from djstripe.models import Invoice, Refund

from billing import papers, standing
from billing.models import Entitlement
from tenants import correspondence
from tenants.models import Deletion, Document, Message, Tenant
from wopr.common import breaker
from wopr.common.correlation import correlation, new_id
from wopr.common.templatetags.figures import money

logger = logging.getLogger(__name__)
Kind = Message.Kind
Status = Entitlement.Status
TRIAL_WARNING = timedelta(days=3)
# A letter about what happened longer ago than this would confuse more than it tells.
STALE = timedelta(days=14)


@dataclass(frozen=True)
class Notice:
    """A letter that is due. `cause` is what it is about; one letter for each."""

    tenant: Tenant
    kind: Kind
    cause: str
    context: dict[str, Any]
    attachments: tuple[Document, ...] = ()
    correlation_id: str = field(default="", compare=False)


def notices_queue() -> int:
    """Queues every letter that is due and not queued yet. Returns how many were.

    Letters that say that something is wrong go through the mass-action breaker.
    """
    told = _plan_changes_queue()
    entitlements = Entitlement.objects.select_related("tenant", "plan").exclude(
        tenant__deletions__in=Deletion.objects.begun()
    )
    due = [notice for entitlement in entitlements for notice in _due(entitlement)]
    due += [*_receipts(), *_credit_notes()]
    fresh = [notice for notice in due if not _is_queued(notice)]
    admitted = [notice for notice in fresh if notice.kind in _ALWAYS_ADMITTED]
    guarded = [notice for notice in fresh if notice.kind not in _ALWAYS_ADMITTED]
    if guarded and _breaker_admits(guarded):
        admitted += guarded
    for notice in admitted:
        _queue(notice)
    return told + len(admitted)


_ALWAYS_ADMITTED = {Kind.RECEIPT, Kind.CREDIT_NOTE, Kind.PLAN_CHANGED}


def _due(entitlement: Entitlement) -> Iterator[Notice]:
    """What the state of one tenant's subscription asks for now."""
    now = timezone.now()
    if entitlement.in_arrears:
        yield from _arrears(entitlement, now)
    if entitlement.status == Status.CANCELED:
        yield from _cancelled(entitlement, now)
    elif entitlement.status == Status.TRIALING and not entitlement.cancel_at_period_end:
        yield from _trial_end(entitlement, now)


def _cancelled(entitlement: Entitlement, now: datetime) -> Iterator[Notice]:
    """That it has ended, what still runs, and until when what was stored is kept."""
    ended_at = entitlement.ended_at
    if ended_at is None or not _is_recent(ended_at, now):
        return
    told = standing.standing_for(entitlement.tenant_id)
    context = {
        "ended_at": ended_at,
        "ends_at": told.ends_at,
        "held": told.reason != "payment",
        "runs": told.service == standing.Service.RUN,
        "suspends_at": told.suspends_at,
    }
    yield _notice(entitlement, Kind.CANCELLED, f"{ended_at:%Y%m%d%H%M%S}", context)


def _trial_end(entitlement: Entitlement, now: datetime) -> Iterator[Notice]:
    """Some days before the first charge."""
    ends = entitlement.current_period_end
    if ends and now < ends <= now + TRIAL_WARNING:
        about, context = f"{ends:%Y%m%d%H%M%S}", {"trial_ends_at": ends}
        yield _notice(entitlement, Kind.TRIAL_ENDING, about, context)


def _arrears(entitlement: Entitlement, now: datetime) -> Iterator[Notice]:
    """First that a payment failed, then a reminder on each of the configured days."""
    told = standing.standing_for(entitlement.tenant_id)
    if told.service != standing.Service.RUN or told.suspends_at is None or told.suspends_at <= now:
        return  # too late, or a reprieve goes on
    context = {"suspends_at": told.suspends_at, "ends_at": told.ends_at}
    since = f"{entitlement.lapsed_at:%Y%m%d%H%M%S}"
    if entitlement.status in Entitlement.COLLECTING:
        yield _notice(entitlement, Kind.PAYMENT_FAILED, since, context)
    left = told.suspends_at - now
    due = [days for days in settings.WOPR_REMINDER_DAYS if left <= timedelta(days=days)]
    if due:
        yield _notice(entitlement, Kind.SUSPENSION_COMING, f"{since}:{min(due)}", context)


def _notice(entitlement: Entitlement, kind: Kind, about: str, context: dict[str, Any]) -> Notice:
    plan = entitlement.plan
    amount = money(entitlement.amount, entitlement.currency) if plan else ""
    return Notice(
        tenant=entitlement.tenant,
        kind=kind,
        cause=f"{entitlement.stripe_subscription_id}:{about}",
        context={
            "plan": plan,
            "amount": amount,
            "interval": entitlement.interval,
            "memory_mb": entitlement.memory_mb,
            "disk_gb": entitlement.disk_gb,
            **context,
        },
        correlation_id=entitlement.correlation_id,
    )


def _receipts() -> list[Notice]:
    """One for each payment of money, with its document."""
    since = timezone.now() - STALE
    # By the day of the payment: an invoice may be paid when a month of arrears has gone by.
    paid = Invoice.objects.filter(
        stripe_data__status="paid",
        stripe_data__amount_paid__gt=0,
        stripe_data__status_transitions__paid_at__gte=int(since.timestamp()),
    ).select_related("customer__subscriber")
    known = set(
        Message.objects.filter(kind=Kind.RECEIPT, created_at__gte=since).values_list(
            "cause", flat=True
        )
    )
    ours = paid.filter(customer__subscriber__isnull=False).exclude(_erased("customer"))
    fresh = [invoice for invoice in ours if invoice.id not in known]
    return [_receipt(invoice) for invoice in fresh]


def _receipt(invoice: Invoice) -> Notice:
    tenant, data = invoice.customer.subscriber, invoice.stripe_data
    papers.invoice_paper(tenant=tenant, invoice=invoice)
    return Notice(
        tenant=tenant,
        kind=Kind.RECEIPT,
        cause=invoice.id,
        context={
            "amount": money(data["amount_paid"], data["currency"]),
            "paid_at": papers.paid_at(data),
        },
        attachments=(papers.receipt_paper(tenant=tenant, invoice=invoice),),
    )


def credit_notes_write() -> None:
    """The document of every refund that has none yet."""
    written = Document.objects.filter(kind=Document.Kind.CREDIT_NOTE).values("cause")
    cause = Concat(Value(papers.cause_of("")), "id", output_field=CharField())
    for refund in _refunds().annotate(cause=cause).exclude(cause__in=written):
        papers.credit_note_paper(tenant=refund.charge.customer.subscriber, refund=refund)


def _refunds() -> Any:
    """Money that went back to tenants of ours."""
    ours = Refund.objects.filter(
        charge__customer__subscriber__isnull=False, stripe_data__status="succeeded"
    )
    return ours.select_related("charge__customer__subscriber")


def _credit_notes() -> list[Notice]:
    """One for each refund, with its document."""
    since = timezone.now() - STALE
    lately = _refunds().filter(stripe_data__created__gte=int(since.timestamp()))
    lately = lately.exclude(_erased("charge__customer"))
    told = Message.objects.filter(kind=Kind.CREDIT_NOTE, created_at__gte=since)
    known = set(told.values_list("cause", flat=True))
    return [_credit_note(refund) for refund in lately if refund.id not in known]


def _erased(customer: str) -> Q:
    """Those of tenants that were deleted, where there is nobody to write to."""
    return Q(**{f"{customer}__subscriber__deletions__done_at__isnull": False})


def _credit_note(refund: Refund) -> Notice:
    tenant, data = refund.charge.customer.subscriber, refund.stripe_data
    return Notice(
        tenant=tenant,
        kind=Kind.CREDIT_NOTE,
        cause=refund.id,
        context={"amount": money(data["amount"], data["currency"])},
        attachments=(papers.credit_note_paper(tenant=tenant, refund=refund),),
    )


def _plan_changes_queue() -> int:
    """Tells a change of plan; the row remembers what was told last."""
    queued = 0
    for pk in Entitlement.objects.filter(plan__isnull=False).values_list("pk", flat=True):
        with transaction.atomic():
            row = Entitlement.objects.select_for_update(of=("self",)).get(pk=pk)
            if row.plan_id == row.told_plan_id:
                continue
            old, row.told_plan_id = row.told_plan, row.plan_id
            row.plans_told += 1
            row.save(update_fields=["told_plan", "plans_told"])
            if old is not None:
                _queue(_notice(row, Kind.PLAN_CHANGED, str(row.plans_told), {"old_plan": old}))
                queued += 1
    return queued


def _is_recent(moment: datetime, now: datetime) -> bool:
    return moment > now - STALE


def _is_queued(notice: Notice) -> bool:
    return Message.objects.filter(kind=notice.kind, cause=notice.cause).exists()


def _breaker_admits(notices: list[Notice]) -> bool:
    hour_ago = timezone.now() - timedelta(hours=1)
    lately = Message.objects.exclude(kind__in=[*_ALWAYS_ADMITTED, Kind.WELCOME])
    return breaker.admits(
        action="e-mail",
        wanted=len({notice.tenant.pk for notice in notices}),
        lately=lately.filter(created_at__gt=hour_ago).values("tenant").distinct().count(),
        tenants=Entitlement.objects.count(),
    )


def _queue(notice: Notice) -> None:
    action = {
        "url": f"{settings.WOPR_DASHBOARD_URL}/tenants/{notice.tenant.pk}",
        "label": "Open your dashboard",
    }
    with correlation(notice.correlation_id or new_id()):
        correspondence.message_queue(
            tenant=notice.tenant,
            kind=notice.kind,
            cause=notice.cause,
            context={"action": action, **notice.context},
            attachments=notice.attachments,
        )
