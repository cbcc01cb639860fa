"""Worker room: payments that were taken back, by a dispute or a full refund, put a tenant on hold.

Level-triggered: whatever event came, all charges of the customer are read again. A hold is placed
once for each dispute or refund, so that one which a person has lifted does not come back; paying
lifts none of them, and a dispute that was won lifts its own. A refund that was a kindness or the
mending of a double charge takes nothing back: Stripe's reason `duplicate`, or `wopr_goodwill` in
the refund's metadata, which may be set later and then lifts the hold.
"""

from typing import Any
from uuid import UUID

from djstripe.models import Customer

from billing import holds
from billing.gateways import stripe_charges
from billing.models import Hold
from tenants.models import Tenant
from wopr.common.locks import session_lock

# The money is gone, or is being fought over. An inquiry (warning_*) has taken nothing yet.
_AGAINST_US = frozenset({"needs_response", "under_review", "lost"})
_KINDS = ("charge.dispute.", "charge.refunded", "charge.refund.", "refund.")
GOODWILL = "wopr_goodwill"
_UNDONE = frozenset({"failed", "canceled"})
_NO = frozenset({"", "0", "false", "no"})


def concerns(event_type: str) -> bool:
    """Whether events of that type are about a payment that was taken back."""
    return event_type.startswith(_KINDS)


def customer_of(subject: Any) -> str | None:
    """The customer of a dispute or refund, which name no customer but the charge."""
    charge_id = subject.get("charge")
    return stripe_charges.charge(charge_id)["customer"] if charge_id else None


def tenant_holds_refresh(*, tenant_id: UUID) -> None:
    """Brings the holds for disputes and refunds in line with Stripe. Raises ProviderError."""
    customers = Customer.objects.filter(subscriber=tenant_id)
    tenant = Tenant.objects.get(pk=tenant_id)
    with session_lock(f"holds:{tenant_id}"):
        for customer_id in customers.values_list("id", flat=True):
            for charge in stripe_charges.charges_of(customer_id):
                _follow_charge(tenant, charge)


def _follow_charge(tenant: Tenant, charge: Any) -> None:
    if charge["amount_refunded"]:
        _follow_refunds(tenant, charge)
    if charge["disputed"]:
        for dispute in stripe_charges.disputes_of(charge["id"]):
            _follow_dispute(tenant, dispute)


def _follow_refunds(tenant: Tenant, charge: Any) -> None:
    """Refunds are stored here, for credit notes: Stripe's charges do not list theirs any more."""
    refunds = stripe_charges.refunds_of(charge["id"])
    for refund in refunds:
        stripe_charges.refund_store(refund)
    if sum(map(_taken_back, refunds)) >= charge["amount"]:
        note = f"Charge {charge['id']} was refunded in full."
        _place_once(tenant, Hold.Reason.REFUND, charge["id"], note)
        return
    _lift(tenant, charge["id"], "Stripe has the refund as goodwill, or as failed.")


def _taken_back(refund: Any) -> int:
    """What of a refund speaks against the tenant: nothing, if it was goodwill or failed."""
    said = (refund["metadata"] or {}).get(GOODWILL, "")
    goodwill = refund["reason"] == "duplicate" or said.strip().lower() not in _NO
    return 0 if goodwill or refund["status"] in _UNDONE else int(refund["amount"])


def _follow_dispute(tenant: Tenant, dispute: Any) -> None:
    if dispute["status"] in _AGAINST_US:
        note = f"Charge {dispute['charge']} is disputed: {dispute['reason']}."
        _place_once(tenant, Hold.Reason.CHARGEBACK, dispute["id"], note)
        return
    _lift(tenant, dispute["id"], f"The dispute ended: {dispute['status']}.")


def _place_once(tenant: Tenant, reason: str, stripe_id: str, note: str) -> None:
    by = holds.placed_for(stripe_id)
    if not Hold.objects.filter(tenant=tenant, reason=reason, placed_by=by).exists():
        holds.hold_place(tenant=tenant, reason=reason, note=note, by=by)


def _lift(tenant: Tenant, stripe_id: str, note: str) -> None:
    by = holds.placed_for(stripe_id)
    for hold in Hold.objects.filter(tenant=tenant, placed_by=by, lifted_at__isnull=True):
        holds.hold_lift(hold=hold, note=note, by=by)
