"""Every write about who belongs to a tenant: invitations, roles, leaving, giving it away."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tenants.correspondence import message_queue
from tenants.models import Invitation, Membership, Message, Tenant, User
from tenants.tasks import message_send
from wopr.common.errors import Refused
from wopr.common.queue import wake

Role = Membership.Role
MOST_INVITATIONS = 50


def invitation_send(*, tenant: Tenant, by: User, email: str, role: str) -> Invitation:
    """Invites an address, by letter. One that was invited before gets another letter and more time.

    Refused for a personal tenant, a member, and when too many are open.
    """
    if tenant.kind == Tenant.Kind.PERSONAL:
        raise Refused(
            "tenant_personal", "Only organisations have members. Make it one first.", status=409
        )
    if tenant.memberships.filter(user__email__iexact=email).exists():
        raise Refused("already_member", f"{email} is a member already.", field="email", status=409)
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        invitation = tenant.invitations.open().filter(email__iexact=email).first()
        if invitation is None:
            _insist_on_room(tenant)
            invitation = Invitation(tenant=tenant, email=email)
        invitation.role, invitation.invited_by = role, by
        invitation.expires_at = timezone.now() + timedelta(days=settings.WOPR_INVITATION_DAYS)
        invitation.save()
        _send_letter(invitation)
    return invitation


def invitation_end(*, invitation: Invitation) -> None:
    """Taken back, or declined; doing it again changes nothing."""
    Invitation.objects.open().filter(pk=invitation.pk).update(ended_at=timezone.now())


def invitation_accept(*, invitation: Invitation, user: User) -> Membership:
    """Makes the person a member, in the role of the invitation. One use: the first wins."""
    with transaction.atomic():
        won = Invitation.objects.valid().filter(pk=invitation.pk)
        if not won.update(accepted_at=timezone.now()):
            raise Refused("invitation_over", "This invitation is not valid any more.", status=409)
        membership, _ = Membership.objects.get_or_create(
            tenant=invitation.tenant, user=user, defaults={"role": invitation.role}
        )
    return membership


def member_change(*, membership: Membership, role: str) -> None:
    """Gives a member another role. The owner's only changes by giving the tenant away."""
    _insist_not_owner(membership)
    Membership.objects.filter(pk=membership.pk).exclude(role=Role.OWNER).update(role=role)


def member_remove(*, membership: Membership) -> None:
    """Ends a membership, and with it the member's keys. The owner cannot be removed or leave."""
    _insist_not_owner(membership)
    Membership.objects.filter(pk=membership.pk).exclude(role=Role.OWNER).delete()


def ownership_transfer(*, tenant: Tenant, to: Membership) -> None:
    """Makes a member the owner, and the owner an admin; both are told."""
    with transaction.atomic():
        members = Membership.objects.select_for_update().filter(tenant=tenant)
        rows = {row.pk: row for row in members.select_related("user")}
        owner = next(row for row in rows.values() if row.role == Role.OWNER)
        if to.pk not in rows or to.pk == owner.pk:
            raise Refused("not_a_member", "Choose another member.", field="member", status=409)
        if not EmailAddress.objects.filter(user=to.user, verified=True).exists():
            raise Refused(
                "address_unproved", f"{to.user} has not confirmed an e-mail address yet.",
                field="member", status=409,
            )  # fmt: skip
        if to.user.is_leaving:
            raise Refused(
                "account_leaving", f"The account of {to.user} is to be deleted.",
                field="member", status=409,
            )  # fmt: skip
        # In this order: there is never more than one owner.
        Membership.objects.filter(pk=owner.pk).update(role=Role.ADMIN)
        Membership.objects.filter(pk=to.pk).update(role=Role.OWNER)
        _tell_about_transfer(tenant, owner.user, to.user)


def tenant_change(*, tenant: Tenant, name: str, kind: str) -> None:
    """Names it anew, or makes it personal or an organisation."""
    alone = tenant.memberships.count() == 1 and not tenant.invitations.valid().exists()
    if kind == Tenant.Kind.PERSONAL and not alone:
        raise Refused(
            "tenant_has_members",
            "It has members or open invitations: remove them first, or leave it an organisation.",
            field="kind", status=409,
        )  # fmt: skip
    tenant.name, tenant.kind = name.strip() or tenant.slug, kind
    tenant.save(update_fields=["name", "kind", "updated_at"])


def _insist_on_room(tenant: Tenant) -> None:
    if tenant.invitations.valid().count() >= MOST_INVITATIONS:
        raise Refused(
            "too_many_invitations",
            f"{MOST_INVITATIONS} invitations are open. Take some back first.",
            status=409,
        )


def _insist_not_owner(membership: Membership) -> None:
    if membership.role == Role.OWNER:
        raise Refused(
            "owner_stays",
            "The owner stays the owner: give it to another member first.",
            status=409,
        )


def _send_letter(invitation: Invitation) -> None:
    url = f"{settings.WOPR_DASHBOARD_URL}/invitations/{invitation.pk}"
    moment = invitation.expires_at.strftime("%Y%m%d%H%M%S%f")
    message = message_queue(
        tenant=invitation.tenant,
        kind=Message.Kind.INVITATION,
        cause=f"invitation:{invitation.pk}:{moment}",
        context={
            "inviter": str(invitation.invited_by or "Somebody"),
            "role": invitation.role,
            "expires_at": invitation.expires_at,
            "email": invitation.email,
            "action": {"url": url, "label": "See the invitation"},
        },
        recipient=invitation.email,
    )
    wake(message_send, message.pk)


def _tell_about_transfer(tenant: Tenant, giver: User, taker: User) -> None:
    now = timezone.now()
    url = f"{settings.WOPR_DASHBOARD_URL}/tenants/{tenant.pk}"
    for person in (giver, taker):
        message = message_queue(
            tenant=tenant,
            kind=Message.Kind.OWNERSHIP,
            cause=f"ownership:{tenant.pk}:{now:%Y%m%d%H%M%S%f}:{person.pk}",
            context={
                "giver": giver,
                "taker": taker,
                "action": {"url": url, "label": "Open the dashboard"},
            },
            recipient=person.email,
        )
        wake(message_send, message.pk)
