"""That somebody of the staff looks at the dashboard as a customer sees it."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from wopr.common.models import Identified


class ImpersonationQuerySet(models.QuerySet["Impersonation"]):
    def live(self) -> "ImpersonationQuerySet":
        return self.filter(ended_at__isnull=True, ends_at__gt=timezone.now())


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
    def state(self) -> str:
        over = self.ended_at is not None or self.ends_at <= timezone.now()
        return "done" if over else "working"
