"""Tenants, people and documents as the API shows them."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from tenants.models import Document, Membership, Tenant, User


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    role = serializers.SerializerMethodField()
    hostname = serializers.SerializerMethodField()
    # The service validates the name, so that its code and wording are the same everywhere.
    slug = serializers.CharField(max_length=100)
    name = serializers.CharField(max_length=100, allow_blank=True, default="")

    class Meta:
        model = Tenant
        fields = ("id", "slug", "name", "kind", "role", "hostname", "created_at")
        read_only_fields = ("id", "created_at")

    def get_role(self, tenant: Tenant) -> str:
        user = self.context["request"].user
        return next((m.role for m in tenant.memberships.all() if m.user_id == user.pk), "")

    def get_hostname(self, tenant: Tenant) -> str:
        return f"{tenant.slug}.{settings.WOPR_TENANT_DOMAIN}"


class TenantChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(Tenant.Kind.choices)


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    id = serializers.UUIDField(source="tenant.id")
    slug = serializers.CharField(source="tenant.slug")
    name = serializers.CharField(source="tenant.name")

    class Meta:
        model = Membership
        fields = ("id", "slug", "name", "role")


class MeSerializer(serializers.ModelSerializer[User]):
    tenants = MembershipSerializer(source="memberships", many=True, read_only=True)
    has_password = serializers.BooleanField(
        source="has_usable_password", read_only=True, help_text="Else by single sign-on alone."
    )
    seen_by = serializers.SerializerMethodField(
        help_text="Who of the staff looks as this person, read-only; else null."
    )

    class Meta:
        model = User
        fields = ("id", "email", "is_staff", "tenants", "has_password", "seen_by")

    def get_seen_by(self, user: User) -> str | None:
        found = getattr(self.context["request"], "impersonation", None)
        return str(found.staff) if found else None


class NameCheckSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField()
    available = serializers.BooleanField()
    code = serializers.CharField(allow_null=True)
    message = serializers.CharField()


class DocumentSerializer(serializers.ModelSerializer[Document]):
    url = serializers.SerializerMethodField()

    class Meta:
        model = Document
        fields = ("id", "kind", "title", "filename", "size", "sha256", "created_at", "url")

    def get_url(self, document: Document) -> str:
        return reverse("document-content", args=[document.pk])
