"""Every write about the end of tenants and accounts: asked for, taken back, and what goes with it.

What runs and what is paid ends elsewhere, by looking at these rows: billing ends the subscription,
fleet the bots, and what is personal goes last (wopr/erasing.py).
"""

from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from tenants.correspondence import message_queue
from tenants.models import Deletion, Document, Invitation, Membership, Message, Tenant, User
from tenants.tasks import message_send
from wopr.common.errors import Refused
from wopr.common.queue import wake

# How long the last letter is kept, which holds the address, if no mail server takes it.
LAST_LETTER = timedelta(days=7)


def tenant_deletion_ask(*, tenant: Tenant, reason: str = "") -> Deletion:
    """Has the tenant deleted after WOPR_DELETION_DAYS. Refused when that was asked for before."""
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        if Deletion.objects.filter(tenant=tenant, withdrawn_at__isnull=True).exists():
            raise _asked_before(tenant.name)
        deletion = Deletion.objects.create(tenant=tenant, reason=reason, due_at=_due())
        _tell(deletion, Message.Kind.DELETION_ASKED, recipient=tenant.email)
    return deletion


def account_deletion_ask(*, user: User, reason: str = "") -> Deletion:
    """Has the account deleted, and the personal tenants with it.

    Refused for staff, and while an organisation would be left without its owner.
    """
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        _insist_may_go(user)
        for tenant in _owned(user).exclude(deletions__in=Deletion.objects.open()):
            tenant_deletion_ask(tenant=tenant, reason=reason)
        deletion = Deletion.objects.create(user=user, reason=reason, due_at=_due())
        _tell(deletion, Message.Kind.DELETION_ASKED, recipient=user.email)
    return deletion


def deletion_withdraw(*, deletion: Deletion) -> None:
    """Takes it back; an account's takes its personal tenants' along. Refused once it has begun."""
    with transaction.atomic():
        _insist_account_stays(deletion)
        _withdraw(deletion)
        if deletion.user:
            personal = Q(tenant__in=_owned(deletion.user), tenant__kind=Tenant.Kind.PERSONAL)
            for each in Deletion.objects.open().filter(personal, due_at__gt=timezone.now()):
                _withdraw(each)


def tenant_erase(*, deletion: Deletion, tenant: Tenant) -> None:
    """Takes away who belonged to it and what was written to it. What is about money stays."""
    with transaction.atomic():
        last = _tell(deletion, Message.Kind.DELETED, recipient=tenant.email)
        Message.objects.filter(tenant=tenant).exclude(pk=last.pk).delete()
        Document.objects.filter(tenant=tenant).exclude(kind__in=Document.ABOUT_MONEY).delete()
        Invitation.objects.filter(tenant=tenant).delete()
        Membership.objects.filter(tenant=tenant).delete()
        tenant.slug, tenant.name = f"deleted-{tenant.pk.hex[:12]}", "deleted"
        tenant.save(update_fields=["slug", "name", "updated_at"])
        _done(deletion)


def account_erase(*, deletion: Deletion, user: User) -> None:
    """Takes away who it was and every way in. The row stays, as somebody who has acted here."""
    with transaction.atomic():
        _tell(deletion, Message.Kind.DELETED, recipient=user.email)
        known = EmailAddress.objects.filter(user=user).values_list("email", flat=True)
        for address in {user.email, *known}:
            letters = Message.objects.filter(recipient__iexact=address)
            letters.exclude(kind=Message.Kind.DELETED).delete()
            Invitation.objects.filter(email__iexact=address).delete()
        for session in UserSession.objects.filter(user=user):
            session.end()
        for rows in (Membership, EmailAddress, Authenticator, SocialAccount):
            rows.objects.filter(user=user).delete()
        user.email, user.first_name, user.last_name = f"deleted-{user.pk}@deleted.invalid", "", ""
        user.is_active = user.is_staff = user.is_superuser = False
        user.set_unusable_password()
        user.save()
        _done(deletion)


def last_letters_forget() -> None:
    """Deletes the letters that said that all is deleted: the address was kept for them alone."""
    old = Q(created_at__lt=timezone.now() - LAST_LETTER)
    last = Message.objects.filter(kind=Message.Kind.DELETED)
    last.filter(old | Q(state=Message.State.SENT)).delete()


def _owned(user: User) -> QuerySet[Tenant]:
    return Tenant.objects.filter(memberships__user=user, memberships__role=Membership.Role.OWNER)


def _insist_may_go(user: User) -> None:
    if user.is_staff:
        raise Refused("staff_stays", "Staff cannot be deleted: take the rights first.", status=409)
    if user.is_leaving:
        raise _asked_before("Your account")
    kept = _owned(user).filter(kind=Tenant.Kind.ORGANISATION)
    first = kept.exclude(deletions__in=Deletion.objects.open()).first()
    if first:
        raise Refused(
            "owns_organisation",
            f"You own {first.name}. Give it to another member, or delete it, first.",
            status=409,
        )


def _insist_account_stays(deletion: Deletion) -> None:
    owner = deletion.tenant.owner if deletion.tenant else None
    if owner and owner.user.is_leaving:
        raise Refused(
            "account_leaving",
            "Its owner's account is to be deleted. Take that back first.",
            status=409,
        )


def _withdraw(deletion: Deletion) -> None:
    now = timezone.now()
    waiting = Deletion.objects.open().filter(pk=deletion.pk, due_at__gt=now)
    if not waiting.update(withdrawn_at=now):
        raise Refused("deletion_begun", "It is too late: the deletion has begun.", status=409)
    whose = deletion.tenant or deletion.user
    _tell(deletion, Message.Kind.DELETION_WITHDRAWN, recipient=whose.email if whose else "")


def _asked_before(what: str) -> Refused:
    return Refused("deletion_asked", f"{what} is to be deleted already.", status=409)


def _due() -> datetime:
    return timezone.now() + timedelta(days=settings.WOPR_DELETION_DAYS)


def _done(deletion: Deletion) -> None:
    Deletion.objects.filter(pk=deletion.pk).update(done_at=timezone.now())


def _tell(deletion: Deletion, kind: Message.Kind, *, recipient: str) -> Message:
    page = f"/tenants/{deletion.tenant_id}/members" if deletion.tenant_id else "/account"
    message = message_queue(
        tenant=deletion.tenant,
        kind=kind,
        cause=f"deletion:{deletion.pk}",
        context={
            "what": deletion.subject,
            "due_at": deletion.due_at,
            "action": {"url": f"{settings.WOPR_DASHBOARD_URL}{page}", "label": "See it"},
        },
        recipient=recipient,
    )
    wake(message_send, message.pk)
    return message
