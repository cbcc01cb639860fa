"""That a tenant, or a person's account, is to be deleted: asked for, taken back, or carried out."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.models.tenant import Tenant
from wopr.common.models import Identified


class DeletionQuerySet(models.QuerySet["Deletion"]):
    def open(self) -> "DeletionQuerySet":
        """Asked for, and neither taken back nor carried out."""
        return self.filter(withdrawn_at__isnull=True, done_at__isnull=True)

    def due(self) -> "DeletionQuerySet":
        """Those that are to be carried out now."""
        return self.open().filter(due_at__lte=timezone.now())

    def begun(self) -> "DeletionQuerySet":
        """Those that nobody takes back any more, carried out or about to be."""
        return self.filter(withdrawn_at__isnull=True, due_at__lte=timezone.now())


class Deletion(Identified):
    """Of a tenant or of an account. Until its day it can be taken back."""

    tenant = models.ForeignKey(
        Tenant, null=True, blank=True, on_delete=models.PROTECT, related_name="deletions"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="deletions",
    )
    reason = models.TextField(blank=True, help_text="Why, where staff asked for it.")
    due_at = models.DateTimeField(help_text="From then on it cannot be taken back.")
    renewal_stopped = models.BooleanField(
        default=False, help_text="The subscription was set to end because of this."
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = DeletionQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(tenant__isnull=True, user__isnull=False)
                | Q(tenant__isnull=False, user__isnull=True),
                name="deletion_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=("tenant",),
                condition=Q(withdrawn_at__isnull=True, done_at__isnull=True),
                name="one_open_deletion_per_tenant",
            ),
            models.UniqueConstraint(
                fields=("user",),
                condition=Q(withdrawn_at__isnull=True, done_at__isnull=True),
                name="one_open_deletion_per_user",
            ),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"deletion of {self.subject}"

    @property
    def subject(self) -> str:
        """What is to be deleted, in words of the person who has it."""
        return self.tenant.name if self.tenant else f"the account {self.user}"

    @property
    def state(self) -> str:
        if self.done_at:
            return "done"
        if self.withdrawn_at:
            return "undone"
        return "waiting" if self.due_at > timezone.now() else "working"
