"""What is sold: a price and the limits it buys."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q


class Plan(models.Model):
    class Placement(models.TextChoices):
        SHARED = "shared"
        DEDICATED = "dedicated"

    class Interval(models.TextChoices):
        MONTH = "month"
        YEAR = "year"

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    amount = models.PositiveIntegerField(help_text="Per interval, in the currency's minor unit.")
    currency = models.CharField(
        max_length=3, default="eur", validators=[RegexValidator(r"^[a-z]{3}\Z")]
    )
    interval = models.CharField(max_length=8, choices=Interval, default=Interval.MONTH)
    trial_days = models.PositiveSmallIntegerField(default=0)
    # The bot itself needs 256 MB and 64 tasks to install a plugin.
    memory_mb = models.PositiveIntegerField(validators=[MinValueValidator(256)])
    cpu_millis = models.PositiveIntegerField(
        validators=[MinValueValidator(100)], help_text="Thousandths of a CPU."
    )
    pids = models.PositiveIntegerField(validators=[MinValueValidator(64)])
    disk_gb = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    bots = models.PositiveSmallIntegerField(default=1, help_text="Instances per subscription.")
    placement = models.CharField(max_length=16, choices=Placement, default=Placement.SHARED)
    position = models.PositiveSmallIntegerField(default=0, help_text="Order of display.")
    on_sale = models.BooleanField(default=True)
    stripe_product_id = models.CharField(max_length=255, blank=True, editable=False)
    stripe_price_id = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(memory_mb__gte=256, pids__gte=64, cpu_millis__gte=100),
                name="plan_can_carry_a_bot",
            ),
            models.UniqueConstraint(
                fields=("stripe_price_id",),
                condition=~Q(stripe_price_id=""),
                name="one_plan_per_stripe_price",
            ),
        )
        ordering = ("position", "code")

    def __str__(self) -> str:
        return self.name
