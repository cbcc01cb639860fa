"""Who sells machines, what they ask, and how well they were lately."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models

from wopr.common.crypto import EncryptedTextField
from wopr.common.models import Identified


class ProviderHealth(models.Model):
    """How a provider is, by the last look; placements avoid one that is down."""

    class State(models.TextChoices):
        UNKNOWN = "unknown"
        HEALTHY = "healthy"
        DEGRADED = "degraded"
        DOWN = "down"

    name = models.CharField(max_length=32, primary_key=True)
    state = models.CharField(max_length=16, choices=State, default=State.UNKNOWN)
    reason = models.TextField(blank=True)
    since = models.DateTimeField(null=True, blank=True)
    seen = models.CharField(
        max_length=16, choices=State, default=State.UNKNOWN, help_text="What the last look saw."
    )
    streak = models.PositiveIntegerField(default=0, help_text="Looks in a row that saw the same.")
    checked_at = models.DateTimeField(null=True, blank=True)
    catalogue_at = models.DateTimeField(null=True, blank=True)
    images = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="What machines can be booted with there, as last listed.",
    )
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    requests_left = models.PositiveIntegerField(null=True, blank=True)
    machines_allowed = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name = "provider"

    def __str__(self) -> str:
        return self.name


class ProviderChange(models.Model):
    """One change of a provider's state, or of its prices in the same state; told once."""

    provider = models.ForeignKey(ProviderHealth, on_delete=models.PROTECT, related_name="changes")
    before = models.CharField(max_length=16, choices=ProviderHealth.State)
    after = models.CharField(max_length=16, choices=ProviderHealth.State)
    reason = models.TextField(blank=True)
    at = models.DateTimeField(auto_now_add=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text="When the alert was sent.")
    posted_at = models.DateTimeField(
        null=True, blank=True, help_text="When it went to WOPR_ALERT_WEBHOOK_URL, if there is one."
    )

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.before} → {self.after}"

    @property
    def is_of_prices(self) -> bool:
        return self.before == self.after


class CatalogueOffer(models.Model):
    """A size in a region at a price, as the provider last listed it."""

    provider = models.CharField(max_length=32)
    size = models.CharField(max_length=64)
    region = models.CharField(max_length=64)
    memory_mb = models.PositiveIntegerField()
    cpus = models.PositiveIntegerField()
    disk_gb = models.PositiveIntegerField()
    architecture = models.CharField(max_length=16, default="x86")
    gpu = models.CharField(max_length=64, blank=True)
    hourly = models.DecimalField(max_digits=12, decimal_places=6, help_text="Before tax.")
    monthly = models.DecimalField(max_digits=12, decimal_places=4, help_text="Before tax.")
    currency = models.CharField(max_length=3)
    available = models.BooleanField(default=True)
    previous_hourly = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    price_changed_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("provider", "size", "region"), name="one_offer"),
        )
        ordering = ("provider", "monthly", "size", "region")
        verbose_name = "offer"

    def __str__(self) -> str:
        return f"{self.provider} {self.size} in {self.region}"

    @property
    def per_day(self) -> Decimal:
        return self.hourly * 24


class Authority(Identified):
    """Who signs for the engines of our servers; a node trusts nobody else, and we only its."""

    name = models.CharField(max_length=32, unique=True, default="engines")
    certificate = models.TextField(help_text="PEM.")
    key = EncryptedTextField(editable=False)

    class Meta:
        verbose_name_plural = "authorities"

    def __str__(self) -> str:
        return self.name
