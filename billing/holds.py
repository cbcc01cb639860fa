"""Services: holds and reprieves, which people (or a dispute at Stripe) place and take back.

Each change names who made it and why, and is announced, so that fleet suspends or restores.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.models import Hold, Reprieve
from billing.signals import announce
from tenants.models import Tenant
from wopr.common.errors import Refused


def hold_place(*, tenant: Tenant, reason: str, note: str, by: str) -> Hold:
    """Suspends a tenant's service whatever was paid. Refused when the same was done before."""
    _require(note)
    if reason not in Hold.Reason.values:
        raise Refused("unknown_reason", f"“{reason}” is no reason for a hold.", field="reason")
    try:
        with transaction.atomic():
            hold = Hold.objects.create(tenant=tenant, reason=reason, note=note, placed_by=by)
            announce(tenant.pk)
    except IntegrityError as error:
        message = f"{tenant} is on hold for this already: {reason}, by {by}."
        raise Refused("held_already", message, field="reason", status=409) from error
    return hold


def hold_lift(*, hold: Hold, note: str, by: str) -> Hold:
    """Takes a hold away. What else speaks against the service (other holds, debts) stays."""
    _require(note)
    with transaction.atomic():
        lifted = Hold.objects.filter(pk=hold.pk, lifted_at__isnull=True).update(
            lifted_at=timezone.now(), lifted_by=by, lift_note=note
        )
        if not lifted:
            raise Refused("not_held", "This hold was lifted before.", status=409)
        announce(hold.tenant_id)
    hold.refresh_from_db()
    return hold


def refuse_held(tenant: Tenant) -> None:
    """What is bought under a hold would be charged and not run."""
    if Hold.objects.filter(tenant=tenant, lifted_at__isnull=True).exists():
        message = (
            f"The service of {tenant.name} is stopped for another reason than a payment, so nothing"
            " can be bought. Answer one of our e-mails and we will tell you what is needed."
        )
        raise Refused("on_hold", message, status=409)


def refund_forgive(*, hold: Hold, note: str, by: str) -> Hold:
    """Says of a refund, after it was made, that it was goodwill: the hold for it is lifted."""
    if hold.reason != Hold.Reason.REFUND:
        message = f"This hold is for “{hold.reason}”, not for a refund; lift it instead."
        raise Refused("not_a_refund", message, status=409)
    _require(note)
    return hold_lift(hold=hold, note=f"Goodwill: {note}", by=by)


def refund_announce(*, tenant: Tenant, charge_id: str, note: str, by: str) -> Hold:
    """Says of a refund, before it is made, that it is goodwill.

    The row is lifted from the beginning: a hold is placed once for each charge, so none will be.
    """
    _require(note)
    mark = placed_for(charge_id)
    held = Hold.objects.filter(tenant=tenant, reason=Hold.Reason.REFUND, placed_by=mark)
    if active := held.filter(lifted_at__isnull=True).first():
        return refund_forgive(hold=active, note=note, by=by)
    if held.exists():
        message = f"A refund of {charge_id} counts as goodwill already."
        raise Refused("forgiven_already", message, status=409)
    return Hold.objects.create(
        tenant=tenant,
        reason=Hold.Reason.REFUND,
        placed_by=mark,
        note=f"A refund of charge {charge_id} was announced as goodwill.",
        lifted_at=timezone.now(),
        lifted_by=by,
        lift_note=f"Goodwill: {note}",
    )


def placed_for(stripe_id: str) -> str:
    """By whom a hold is that follows from a dispute or charge at Stripe."""
    return f"stripe: {stripe_id}"


def reprieve_grant(*, tenant: Tenant, until: datetime | None, note: str, by: str) -> Reprieve:
    """Gives a tenant that has not paid time until a moment, or (None) until it is revoked."""
    _require(note)
    if until is not None and until <= timezone.now():
        raise Refused("in_the_past", "Choose a moment that is still to come.", field="until")
    with transaction.atomic():
        reprieve = Reprieve.objects.create(tenant=tenant, until=until, note=note, granted_by=by)
        announce(tenant.pk)
    return reprieve


def reprieve_revoke(*, reprieve: Reprieve, note: str, by: str) -> Reprieve:
    """Takes a reprieve back; the clock of the unpaid tenant counts again."""
    _require(note)
    with transaction.atomic():
        revoked = Reprieve.objects.filter(pk=reprieve.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now(), revoked_by=by, revoke_note=note
        )
        if not revoked:
            raise Refused("not_granted", "This reprieve was revoked before.", status=409)
        announce(reprieve.tenant_id)
    reprieve.refresh_from_db()
    return reprieve


def _require(note: str) -> None:
    if not note.strip():
        raise Refused("note_missing", "Say why; whoever comes next will ask.", field="note")
