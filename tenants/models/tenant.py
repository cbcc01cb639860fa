"""A customer account, and who may act in it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from tenants.names import validate_slug
from wopr.common.models import Identified


class Tenant(Identified):
    class Kind(models.TextChoices):
        PERSONAL = "personal", "personal: one person alone"
        ORGANISATION = "organisation", "organisation: with members"

    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PERSONAL)
    slug = models.CharField(
        max_length=63,
        unique=True,
        validators=[validate_slug],
        help_text="A DNS label; the bot is reached under it.",
        error_messages={"unique": "This name is taken. Choose another."},
    )
    name = models.CharField(max_length=100)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="tenants"
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z][a-z0-9-]*[a-z0-9]$"), name="tenant_slug_is_label"
            ),
        )
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug

    @property
    def owner(self) -> "Membership | None":
        return self.memberships.filter(role=Membership.Role.OWNER).select_related("user").first()

    @property
    def email(self) -> str:
        """Where letters to this tenant go; dj-stripe reads it for the Stripe customer."""
        return self.owner.user.email if self.owner else ""


class Membership(Identified):
    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        MEMBER = "member"
        BILLING = "billing"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("tenant", "user"), name="one_membership_per_user"),
            models.UniqueConstraint(
                fields=("tenant",), condition=Q(role="owner"), name="one_owner_per_tenant"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.tenant}"
