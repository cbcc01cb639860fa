"""An attempt to buy: one Stripe Checkout session."""

from django.db import models
from django.db.models import Q

from billing.models.plan import Plan, Price
from tenants.models import Tenant
from wopr.common.models import Identified


class Checkout(Identified):
    """Committed before Stripe is asked, so that a retry asks under the same idempotency key."""

    class Status(models.TextChoices):
        OPENING = "opening"
        OPEN = "open"
        COMPLETE = "complete"
        EXPIRED = "expired"

    LIVE = (Status.OPENING, Status.OPEN)

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="checkouts")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="checkouts")
    interval = models.CharField(max_length=8, choices=Price.Interval, default=Price.Interval.MONTH)
    quantity = models.PositiveSmallIntegerField(default=1)
    add_ons = models.JSONField(default=dict, blank=True, help_text="Code to how many.")
    status = models.CharField(max_length=16, choices=Status, default=Status.OPENING)
    stripe_session_id = models.CharField(max_length=255, blank=True)
    url = models.URLField(max_length=2048, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("tenant",),
                condition=Q(status__in=("opening", "open")),
                name="one_live_checkout_per_tenant",
            ),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.tenant} buys {self.plan}: {self.status}"
