"""That somebody of the staff looks at the dashboard as a customer sees it."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from tenants.models.tenant import Tenant
from wopr.common.models import Identified


class ImpersonationQuerySet(models.QuerySet["Impersonation"]):
    def live(self) -> "ImpersonationQuerySet":
        return self.filter(ended_at__isnull=True, ends_at__gt=timezone.now())

    def at(self, tenant: Tenant) -> "ImpersonationQuerySet":
        """Those of people who belong to the tenant, and did so before it was over."""
        looked = self.annotate(until=Coalesce("ended_at", "ends_at"))
        return looked.filter(
            person__memberships__tenant=tenant, person__memberships__created_at__lt=F("until")
        )


class Impersonation(Identified):
    """Read-only, for a limited time, and only while the one is staff and the other is not."""

    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="impersonations"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="impersonated"
    )
    reason = models.TextField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ImpersonationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.staff} as {self.person}"

    @property
    def over_at(self) -> datetime | None:
        """When it was ended, or ended by itself; None while it lasts."""
        until = self.ended_at or self.ends_at
        return until if until <= timezone.now() else None

    @property
    def state(self) -> str:
        return "done" if self.over_at else "working"
