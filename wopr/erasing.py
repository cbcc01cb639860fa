"""The last of a deletion: once nothing runs and nothing is paid, what is personal is erased.

What stays, stays without a name: invoices and what was used and paid, the operations on bots that
are gone, and the audit trail (docs/decisions/0030-leaving-for-good.md).
"""

import logging

from django.db.models import F

from billing import leaving
from fleet.models import Backup, Instance, InstanceEvent, Operation, Sample, Step
from tenants import deletions, sign_on
from tenants.models import Deletion, Membership, Tenant, User
from wopr.common.audit.context import because
from wopr.common.errors import ProviderError

logger = logging.getLogger(__name__)


def leavers_erase() -> None:
    """Erases whatever is over; an account after the tenants that it owns.

    What goes wrong with one is told, and keeps no other waiting.
    """
    due = Deletion.objects.due().select_related("tenant", "user")
    for deletion in due.order_by(F("user").asc(nulls_first=True), "due_at"):
        try:
            _erase(deletion)
        except ProviderError as error:
            logger.error("%s waits: %s", deletion.pk, error)
        except Exception:  # one leaver's trouble must not keep the others waiting
            logger.exception("deletion %s could not be carried out", deletion.pk)
    deletions.last_letters_forget()


def _erase(deletion: Deletion) -> None:
    because(f"deletion {deletion.pk}")
    tenant, user = deletion.tenant, deletion.user
    if tenant and _nothing_is_left(tenant):
        _erase_bots(tenant)
        deletions.tenant_erase(deletion=deletion, tenant=tenant)
    if user and not _owns_something(user):
        sign_on.person_forget(user)
        deletions.account_erase(deletion=deletion, user=user)


def _nothing_is_left(tenant: Tenant) -> bool:
    """No bot, no copy of its data, no work under way, and nothing to be charged at Stripe."""
    bots = Instance.objects.filter(tenant=tenant)
    return not (
        bots.exclude(status=Instance.Status.TERMINATED).exists()
        or Backup.objects.filter(instance__in=bots, forgotten_at__isnull=True).exists()
        or Operation.objects.live().filter(tenant=tenant).exists()
    ) and leaving.is_over(tenant)


def _owns_something(user: User) -> bool:
    return Membership.objects.filter(user=user, role=Membership.Role.OWNER).exists()


def _erase_bots(tenant: Tenant) -> None:
    """Their names, which somebody chose, what was seen of them, and what work on them met."""
    work = Operation.objects.filter(tenant=tenant)
    Step.objects.filter(operation__in=work).update(facts={}, message="")
    work.update(parameters={}, error="")
    for bot in Instance.objects.filter(tenant=tenant):
        InstanceEvent.objects.filter(instance=bot).delete()
        Sample.objects.filter(instance=bot).delete()
        bot.slug = f"deleted-{bot.pk.hex[:12]}"
        bot.save(update_fields=["slug", "updated_at"])
