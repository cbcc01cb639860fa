"""What people decide about a tenant's service, apart from what Stripe says."""

from django.db import models
from django.db.models import Q

from tenants.models import Tenant
from wopr.common.models import Identified


class Hold(Identified):
    """A reason to suspend that no payment lifts. A person (or a dispute) places and lifts it."""

    class Reason(models.TextChoices):
        CHARGEBACK = "chargeback"
        REFUND = "refund"
        BAN = "ban"
        STAFF = "staff"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="holds")
    reason = models.CharField(max_length=16, choices=Reason)
    note = models.TextField(help_text="Why; shown to staff.")
    placed_by = models.CharField(max_length=200)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=200, blank=True)
    lift_note = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("tenant", "reason", "placed_by"),
                condition=Q(lifted_at__isnull=True),
                name="one_active_hold_per_cause",
            ),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.tenant}: {self.reason}"


class Reprieve(Identified):
    """Time that staff give a tenant who has not paid: until a moment, or until it is revoked."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="reprieves")
    until = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is revoked.")
    note = models.TextField(help_text="Why; shown to staff.")
    granted_by = models.CharField(max_length=200)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=200, blank=True)
    revoke_note = models.TextField(blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        end = f"until {self.until:%Y-%m-%d}" if self.until else "until revoked"
        return f"{self.tenant}: {end}"
