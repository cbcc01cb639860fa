"""What is remembered of Stripe's list of events, and where Stripe and our rows disagree."""

from django.db import models
from django.db.models import Q


class EventCursor(models.Model):
    """Up to where Stripe's list of events has been read and stored."""

    name = models.CharField(max_length=32, primary_key=True)
    read_until = models.DateTimeField(help_text="Every event from before is in the inbox.")
    ran_at = models.DateTimeField()
    recovered = models.PositiveIntegerField(
        default=0, help_text="Events, since ever, of which no delivery had come."
    )

    def __str__(self) -> str:
        return f"{self.name} until {self.read_until:%Y-%m-%d %H:%M:%S}"


class Finding(models.Model):
    """A difference between Stripe and our rows, open until an audit does not see it any more."""

    class Kind(models.TextChoices):
        PAID_NOT_ENTITLED = "paid_not_entitled", "paid at Stripe, nothing to run here"
        ENTITLED_NOT_PAID = "entitled_not_paid", "runs here, not paid at Stripe"
        OTHER_TERMS = "other_terms", "another plan, number of bots or state than at Stripe"
        TWO_SUBSCRIPTIONS = "two_subscriptions", "pays more than one subscription"
        PAID_AFTER_END = "paid_after_end", "paid when the subscription had ended; renews no more"
        UNKNOWN_CUSTOMER = "unknown_customer", "a subscription of nobody we know"

    kind = models.CharField(max_length=32, choices=Kind)
    subject = models.CharField(max_length=255, help_text="tenant:<id>, or the customer at Stripe.")
    detail = models.TextField()
    amount = models.PositiveIntegerField(
        default=0, help_text="At stake each month, in the currency's minor unit."
    )
    currency = models.CharField(max_length=3, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "subject"),
                condition=Q(resolved_at__isnull=True),
                name="one_open_finding_of_a_kind",
            ),
        )
        ordering = ("-last_seen",)

    def __str__(self) -> str:
        return f"{self.subject}: {self.get_kind_display()}"
