"""The DNS records that WOPR wants to exist, and the names that customers bring."""

import secrets
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.models import Tenant
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
        CONFLICT = "conflict"

    zone = models.CharField(max_length=253)
    name = models.CharField(max_length=253, help_text="The whole name, without a final dot.")
    type = models.CharField(max_length=8, choices=Type)
    content = models.CharField(max_length=2048)
    ttl = models.PositiveIntegerField(default=60, help_text="Seconds.")
    proxied = models.BooleanField(default=False, editable=False)
    owner = models.CharField(max_length=128)
    state = models.CharField(max_length=16, choices=State, default=State.WANTED)
    provider_id = models.CharField(max_length=64, blank=True)
    note = models.TextField(blank=True, help_text="What stands in the way, if something does.")
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


def new_token() -> str:
    return secrets.token_hex(16)


class CustomDomain(Identified):
    """A name that a customer brings for a bot. `owner` is the bot, e.g. instance:<id>.

    Whoever can write the token into the name's own zone has shown that the name is theirs. Several
    tenants may claim a name; only one of them can be served under it.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        VERIFYING = "verifying"
        ACTIVE = "active"
        FAILING = "failing"
        PAUSED = "paused"
        EXPIRED = "expired"
        REMOVING = "removing"

    # The name is at the edge, or about to be; nobody else can have it.
    SERVED = (State.VERIFYING, State.ACTIVE, State.FAILING)

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="domains")
    owner = models.CharField(max_length=128, help_text="The bot that it leads to.")
    hostname = models.CharField(max_length=253, help_text="Lower case, without a final dot.")
    target = models.CharField(max_length=253, help_text="The bot's own name; what a CNAME says.")
    token = models.CharField(max_length=32, default=new_token, editable=False)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    since = models.DateTimeField(default=timezone.now, help_text="Of the present state.")
    findings: "models.JSONField[Any, Any]" = models.JSONField(
        default=list, blank=True, help_text="What is missing, as public resolvers see it."
    )
    misses = models.PositiveSmallIntegerField(default=0, help_text="Looks in a row with findings.")
    checked_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("hostname",),
                condition=Q(state__in=("verifying", "active", "failing")),
                name="one_tenant_per_domain",
            ),
            models.UniqueConstraint(fields=("tenant", "hostname"), name="domain_once_per_tenant"),
        )
        indexes = (models.Index(fields=("next_check_at",), name="domain_due"),)
        ordering = ("hostname",)

    def __str__(self) -> str:
        return self.hostname

    @property
    def reference(self) -> str:
        """How rows of other apps name this domain."""
        return f"domain:{self.pk}"

    @property
    def challenge_name(self) -> str:
        return f"_wopr-challenge.{self.hostname}"

    @property
    def challenge_value(self) -> str:
        return f"wopr-domain={self.token}"
