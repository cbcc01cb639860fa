"""What tenants used: events that happened once, and what is included, capped and told to Stripe."""

from django.db import models
from django.db.models import Q

from billing.models.plan import Plan
from tenants.models import Tenant


class Meter(models.TextChoices):
    """What is counted. The value is also the event name of the meter at Stripe."""

    INFERENCE_TOKENS = "inference_tokens", "Inference tokens"
    AUDIO_SECONDS = "audio_seconds", "Seconds of audio"
    STORAGE_MB_HOURS = "storage_mb_hours", "MB-hours of storage"


# What is used call by call can be refused at a limit; what is stored is bounded by the plan's disk.
CAPPABLE = (Meter.INFERENCE_TOKENS, Meter.AUDIO_SECONDS)


class UsageEvent(models.Model):
    """One use. Its id is made by who saw it, so that telling it twice counts once."""

    event_id = models.CharField(max_length=128, primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="usage_events")
    meter = models.CharField(max_length=32, choices=Meter)
    quantity = models.PositiveBigIntegerField()
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    reported_at = models.DateTimeField(
        null=True, blank=True, help_text="When Stripe's meter had it."
    )
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(auto_now_add=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes = (
            models.Index(fields=("tenant", "meter", "happened_at"), name="usage_of_tenant"),
            models.Index(
                fields=("next_attempt_at",),
                condition=Q(reported_at__isnull=True),
                name="usage_unreported",
            ),
        )

    def __str__(self) -> str:
        return f"{self.tenant}: {self.quantity} {self.meter}"


class UsageDay(models.Model):
    """The events of one UTC day, added up: what pages and caps read."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="usage_days")
    meter = models.CharField(max_length=32, choices=Meter)
    day = models.DateField()
    quantity = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("tenant", "meter", "day"), name="one_row_per_day"),
        )
        ordering = ("day",)

    def __str__(self) -> str:
        return f"{self.tenant}: {self.quantity} {self.meter} on {self.day}"


class IncludedUsage(models.Model):
    """How much of a meter a plan's price covers in a calendar month (UTC)."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="included_usage")
    meter = models.CharField(max_length=32, choices=Meter)
    quantity = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("plan", "meter"), name="one_quota_per_meter"),
        )

    def __str__(self) -> str:
        return f"{self.plan}: {self.quantity} {self.meter}"


class UsageCap(models.Model):
    """The most that a tenant wants to use of a meter in a calendar month (UTC)."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="usage_caps")
    meter = models.CharField(max_length=32, choices=Meter)
    limit = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("tenant", "meter"), name="one_cap_per_meter"),
        )

    def __str__(self) -> str:
        return f"{self.tenant}: at most {self.limit} {self.meter}"
