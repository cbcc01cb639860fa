"""What is sold: plans, what can be added to them, and what each costs."""

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q


class Plan(models.Model):
    class Placement(models.TextChoices):
        SHARED = "shared"
        DEDICATED = "dedicated"

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    trial_days = models.PositiveSmallIntegerField(default=0)
    # The bot itself needs 256 MB and 64 tasks to install a plugin.
    memory_mb = models.PositiveIntegerField(validators=[MinValueValidator(256)])
    cpu_millis = models.PositiveIntegerField(
        validators=[MinValueValidator(100)], help_text="Thousandths of a CPU."
    )
    pids = models.PositiveIntegerField(validators=[MinValueValidator(64)])
    disk_gb = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    bots = models.PositiveSmallIntegerField(default=1, help_text="Instances per subscription.")
    backups_kept = models.PositiveSmallIntegerField(
        default=7, validators=[MinValueValidator(1)], help_text="Of each bot."
    )
    placement = models.CharField(max_length=16, choices=Placement, default=Placement.SHARED)
    position = models.PositiveSmallIntegerField(default=0, help_text="Order of display.")
    on_sale = models.BooleanField(default=True)
    stripe_product_id = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(memory_mb__gte=256, pids__gte=64, cpu_millis__gte=100),
                name="plan_can_carry_a_bot",
            ),
        )
        ordering = ("position", "code")

    def __str__(self) -> str:
        return self.name

    @property
    def limits(self) -> dict[str, int]:
        """What one bot of the plan may use."""
        return {
            "memory_mb": self.memory_mb,
            "cpu_millis": self.cpu_millis,
            "pids": self.pids,
            "disk_gb": self.disk_gb,
            "backups_kept": self.backups_kept,
        }

    def price(self, interval: str) -> "Price | None":
        """What the plan costs each month or year."""
        return _price(self, interval)


class AddOn(models.Model):
    """More of something, bought beside a plan in any number."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    bots = models.PositiveSmallIntegerField(default=0, help_text="More bots.")
    memory_mb = models.PositiveIntegerField(default=0, help_text="More for each bot.")
    disk_gb = models.PositiveIntegerField(default=0, help_text="More for each bot.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Order of display.")
    on_sale = models.BooleanField(default=True)
    stripe_product_id = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        ordering = ("position", "code")

    def __str__(self) -> str:
        return self.name

    def price(self, interval: str) -> "Price | None":
        """What one of it costs each month or year."""
        return _price(self, interval)


class Price(models.Model):
    """What a plan or an add-on costs for an interval. Amounts are in the minor unit.

    A price at Stripe cannot change; another amount here is another price there, and those who
    pay the old one keep it, since what they have is told by the product.
    """

    class Interval(models.TextChoices):
        MONTH = "month"
        YEAR = "year"

    plan = models.ForeignKey(
        Plan, null=True, blank=True, on_delete=models.CASCADE, related_name="prices"
    )
    add_on = models.ForeignKey(
        AddOn, null=True, blank=True, on_delete=models.CASCADE, related_name="prices"
    )
    interval = models.CharField(max_length=8, choices=Interval, default=Interval.MONTH)
    currency = models.CharField(
        max_length=3, default="eur", validators=[RegexValidator(r"^[a-z]{3}\Z")]
    )
    amount = models.PositiveIntegerField(help_text="Per interval, in the currency's minor unit.")
    stripe_price_id = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(plan__isnull=False, add_on__isnull=True)
                | Q(plan__isnull=True, add_on__isnull=False),
                name="price_of_one_thing",
            ),
            models.UniqueConstraint(
                fields=("plan", "interval", "currency"), name="one_price_of_a_plan"
            ),
            models.UniqueConstraint(
                fields=("add_on", "interval", "currency"), name="one_price_of_an_add_on"
            ),
            models.UniqueConstraint(
                fields=("stripe_price_id",),
                condition=~Q(stripe_price_id=""),
                name="one_row_per_stripe_price",
            ),
        )
        ordering = ("interval", "currency")

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} a {self.interval}"


def _price(offer: Plan | AddOn, interval: str) -> Price | None:
    """In the currency that we sell in."""
    wanted = (interval, settings.WOPR_CURRENCY)
    return next((p for p in offer.prices.all() if (p.interval, p.currency) == wanted), None)
