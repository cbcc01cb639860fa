"""What tenants may spend on inference, and what is held for requests under way.

Money is in micros: millionths of the currency's main unit, since a request costs less than a cent.
"""

from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from fleet.models import Instance
from tenants.models import Tenant
from wopr.common.models import Identified

MICROS_PER_CENT = 10_000


class Budget(models.Model):
    """What a tenant may spend in a calendar month (UTC), and the lower limit that it set itself."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, related_name="inference_budget", primary_key=True
    )
    allowed = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="Micros a month, set by staff; WOPR_INFERENCE_BUDGET when empty.",
    )
    limit = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Micros a month, set by the customer; never above that."
    )

    def __str__(self) -> str:
        return f"{self.tenant}: {self.most} micros a month"

    @property
    def most_allowed(self) -> int:
        default: int = settings.WOPR_INFERENCE_BUDGET * MICROS_PER_CENT
        return default if self.allowed is None else self.allowed

    @property
    def most(self) -> int:
        """What counts."""
        return self.most_allowed if self.limit is None else min(self.limit, self.most_allowed)

    @classmethod
    def of(cls, tenant_id: UUID) -> "Budget":
        """The tenant's; one without a row has the default."""
        return cls.objects.filter(pk=tenant_id).first() or cls(tenant_id=tenant_id)


class Allowance(models.Model):
    """One tenant's month: what is spent, and what is held for requests that have not ended.

    One row, so that one conditional update decides about money, caps and rate together.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="allowances")
    month = models.DateField(help_text="Its first day.")
    spent = models.PositiveBigIntegerField(default=0, help_text="Micros.")
    held = models.PositiveBigIntegerField(default=0, help_text="Micros.")
    tokens = models.PositiveBigIntegerField(default=0)
    tokens_held = models.PositiveBigIntegerField(default=0)
    seconds = models.PositiveBigIntegerField(default=0, help_text="Of audio.")
    seconds_held = models.PositiveBigIntegerField(default=0, help_text="Of audio.")
    minute = models.DateTimeField(null=True, blank=True)
    requests = models.PositiveIntegerField(default=0, help_text="In that minute.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("tenant", "month"), name="one_allowance_a_month"),
        )
        ordering = ("-month",)

    def __str__(self) -> str:
        return f"{self.tenant} {self.month:%Y-%m}"


class Hold(Identified):
    """The worst that one request can cost, set aside until its actual use is known."""

    allowance = models.ForeignKey(Allowance, on_delete=models.CASCADE, related_name="holds")
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="holds")
    gateway = models.UUIDField(help_text="The gateway process that answers for it.")
    micros = models.PositiveBigIntegerField()
    tokens = models.PositiveBigIntegerField()
    seconds = models.PositiveBigIntegerField()
    expires_at = models.DateTimeField(help_text="Renewed while its gateway lives.")

    class Meta:
        indexes = (models.Index(fields=("expires_at",), name="hold_expiry"),)
        constraints = (
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="hold_ends_after_it_begins"
            ),
        )

    def __str__(self) -> str:
        return f"{self.micros} micros for {self.instance}"
