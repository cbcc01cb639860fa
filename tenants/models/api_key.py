"""A key by which a program acts for a member of a tenant."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from tenants.models.tenant import Membership
from wopr.common.models import Identified


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def valid(self, now: datetime) -> "ApiKeyQuerySet":
        """Those that open something: not revoked, not expired, of somebody who may sign in."""
        return self.filter(
            revoked_at__isnull=True, expires_at__gt=now, membership__user__is_active=True
        )


class ApiKey(Identified):
    """Only the digest is kept. It goes with the membership, and never opens more than that does."""

    class Scope(models.TextChoices):
        READ = "read", "read: bots, operations, logs, what is paid for"
        OPERATE = "operate", "operate: start, stop, back up and change bots"
        BILLING = "billing", "billing: plans, invoices, caps"
        ADMIN = "admin", "admin: members, invitations, exports"

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="keys")
    name = models.CharField(max_length=100, help_text="What it is for.")
    hint = models.CharField(max_length=16, help_text="How the key begins.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope))
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        constraints = (models.CheckConstraint(condition=~Q(scopes=[]), name="api_key_has_a_scope"),)
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.hint}… ({self.name})"
