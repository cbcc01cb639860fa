"""The DNS records that WOPR wants to exist."""

from django.db import models
from django.db.models import Q

from wopr.common.models import Identified


class Record(Identified):
    """One wanted record. `owner` is whose it is, e.g. instance:<id>; it becomes the comment."""

    class Type(models.TextChoices):
        A = "A"
        AAAA = "AAAA"
        CNAME = "CNAME"
        TXT = "TXT"

    class State(models.TextChoices):
        WANTED = "wanted"
        PUBLISHED = "published"
        WITHDRAWN = "withdrawn"

    zone = models.CharField(max_length=253)
    name = models.CharField(max_length=253, help_text="The whole name, without a final dot.")
    type = models.CharField(max_length=8, choices=Type)
    content = models.CharField(max_length=2048)
    ttl = models.PositiveIntegerField(default=60, help_text="Seconds.")
    proxied = models.BooleanField(default=False, editable=False)
    owner = models.CharField(max_length=128)
    state = models.CharField(max_length=16, choices=State, default=State.WANTED)
    provider_id = models.CharField(max_length=64, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="Last re-read at the provider.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("name", "type", "owner"), name="one_record_per_owner_name_and_type"
            ),
            # Caddy obtains certificates by DNS-01, and tenants are reached directly.
            models.CheckConstraint(condition=Q(proxied=False), name="record_is_never_proxied"),
        )
        ordering = ("name", "type")

    def __str__(self) -> str:
        return f"{self.name} {self.type} {self.content}"
