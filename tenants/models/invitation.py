"""An invitation into a tenant. It is for one address: who has proved to own that may accept it."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from tenants.models.tenant import Membership, Tenant
from wopr.common.models import Identified


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        return self.filter(accepted_at__isnull=True, ended_at__isnull=True)

    def valid(self) -> "InvitationQuerySet":
        return self.open().filter(expires_at__gt=timezone.now())

    def for_person(self, user: Any) -> "InvitationQuerySet":
        """Those sent to an address that this person has proved to own."""
        proved = [str(email).lower() for email in user.proved_addresses()] if user.pk else []
        return self.valid().annotate(lower=Lower("email")).filter(lower__in=proved)


class Invitation(Identified):
    """Its link holds no secret: the id opens nothing to somebody with another address."""

    ROLES = tuple(role for role in Membership.Role if role != Membership.Role.OWNER)

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=16, choices=[(role.value, role.label) for role in ROLES])
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was taken back or declined."
    )

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                "tenant",
                Lower("email"),
                condition=Q(accepted_at__isnull=True, ended_at__isnull=True),
                name="one_open_invitation_per_address",
            ),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.email} into {self.tenant}"
