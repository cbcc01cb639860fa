"""Every write to tenants, and what is queued for them."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from tenants.models import Membership, Message, Tenant, User
from tenants.names import validate_slug
from tenants.tasks import message_send
from wopr.common.errors import Refused
from wopr.common.queue import wake


def tenant_create(*, owner: User, slug: str, name: str, kind: str = Tenant.Kind.PERSONAL) -> Tenant:
    """A new tenant with its owner. Raises Refused when the name cannot be had."""
    if owner.is_leaving:
        raise Refused("account_leaving", "Your account is to be deleted.", status=409)
    tenant = Tenant(slug=slug.strip().lower(), name=name.strip() or slug, kind=kind)
    slug_check(slug=tenant.slug)
    try:
        with transaction.atomic():
            tenant.save(force_insert=True)
            Membership.objects.create(tenant=tenant, user=owner, role=Membership.Role.OWNER)
    except IntegrityError as error:
        raise _taken(tenant.slug) from error
    return tenant


def slug_check(*, slug: str) -> None:
    """Raises Refused when no tenant may be made under this name; changes nothing."""
    try:
        validate_slug(slug)
    except ValidationError as error:
        first = error.error_list[0]
        raise Refused(first.code or "slug_malformed", first.messages[0], field="slug") from error
    if Tenant.objects.filter(slug=slug).exists():
        raise _taken(slug)


def message_send_again(*, message: Message) -> None:
    """Puts the message first in the queue, sent before or not. Refused while it is being sent.

    A second delivery carries the same Message-ID, so that a mailbox recognises it.
    """
    queued = (
        Message.objects.filter(pk=message.pk)
        .exclude(state=Message.State.SENDING)
        .update(
            state=Message.State.QUEUED,
            sent_at=None,
            next_attempt_at=timezone.now(),
            delivery="",
            delivery_detail="",
            delivery_at=None,
        )
    )
    if not queued:
        raise Refused(
            "message_sending", "The message is being sent at this moment; look again.", status=409
        )
    wake(message_send, message.pk)


def _taken(slug: str) -> Refused:
    return Refused("slug_taken", f"“{slug}” is taken. Choose another name.", field="slug")
