"""What a tenant may run now, as last derived from Stripe."""

from datetime import datetime

from django.db import models

from billing.models.plan import Plan
from tenants.models import Tenant


class Entitlement(models.Model):
    class Status(models.TextChoices):
        """Stripe's subscription status, and `none` where there is no subscription."""

        NONE = "none"
        INCOMPLETE = "incomplete"
        INCOMPLETE_EXPIRED = "incomplete_expired"
        TRIALING = "trialing"
        ACTIVE = "active"
        PAST_DUE = "past_due"
        UNPAID = "unpaid"
        PAUSED = "paused"
        CANCELED = "canceled"

    ENTITLED = (Status.TRIALING, Status.ACTIVE, Status.PAST_DUE)
    # Not paid, and not given up at Stripe.
    COLLECTING = (Status.PAST_DUE, Status.UNPAID)
    # There never was one that began.
    UNTRIED = (Status.NONE, Status.INCOMPLETE, Status.INCOMPLETE_EXPIRED)
    # There is a subscription at Stripe, which can be paid, taken up again or cancelled.
    OPEN = (*ENTITLED, Status.UNPAID, Status.PAUSED)

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, related_name="entitlement")
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT)
    status = models.CharField(max_length=32, choices=Status, default=Status.NONE)
    quantity = models.PositiveSmallIntegerField(default=1, help_text="How many times the plan.")
    add_ons = models.JSONField(default=dict, blank=True, help_text="Code to how many.")
    bots = models.PositiveSmallIntegerField(default=0, help_text="How many instances may run.")
    memory_mb = models.PositiveIntegerField(default=0, help_text="Of each bot, with add-ons.")
    cpu_millis = models.PositiveIntegerField(default=0)
    pids = models.PositiveIntegerField(default=0)
    disk_gb = models.PositiveIntegerField(default=0)
    backups_kept = models.PositiveSmallIntegerField(default=0)
    amount = models.PositiveIntegerField(
        default=0, help_text="Per interval for everything, in the currency's minor unit."
    )
    currency = models.CharField(max_length=3, blank=True)
    interval = models.CharField(max_length=8, blank=True)
    stripe_subscription_id = models.CharField(max_length=255, blank=True)
    current_period_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    lapsed_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is not paid.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe ended it.")
    told_plan = models.ForeignKey(
        Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    plans_told = models.PositiveIntegerField(default=0, editable=False)
    webhooks_read = models.BigIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="The last webhook that had come when Stripe was asked.",
    )
    refreshed_at = models.DateTimeField(null=True, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.tenant}: {self.status}"

    @property
    def entitled(self) -> bool:
        return self.status in self.ENTITLED and self.plan is not None

    @property
    def subscribed(self) -> bool:
        return self.status in self.OPEN

    @property
    def in_arrears(self) -> bool:
        """Whether a payment is missing, also after Stripe gave up; not of who has left."""
        if self.status in self.COLLECTING:
            return True
        return bool(self.ended_at and self.lapsed_at and self.lapsed_at < self.ended_at)

    def runs_on_late_payment(self, now: datetime) -> bool:
        """Whether it runs only because it was paid when Stripe had ended it."""
        return bool(self.ended_at and self.lapsed_at and self.lapsed_at > max(self.ended_at, now))

    @property
    def trial_possible(self) -> bool:
        return self.status in self.UNTRIED

    @property
    def plan_code(self) -> str:
        return self.plan.code if self.plan else ""

    @property
    def limits(self) -> dict[str, int]:
        """What one bot may use."""
        return {
            "memory_mb": self.memory_mb,
            "cpu_millis": self.cpu_millis,
            "pids": self.pids,
            "disk_gb": self.disk_gb,
        }
