"""API of a tenant's keys. Made and revoked by people; a key makes no keys."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import keys
from tenants.api.access import TenantScoped
from tenants.models import ApiKey
from tenants.policy import Right

USUAL_DAYS = 90


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    made_by = serializers.EmailField(source="membership.user.email", read_only=True)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(ApiKey.Scope.choices), allow_empty=False
    )
    days = serializers.IntegerField(
        min_value=1,
        max_value=keys.LONGEST_DAYS,
        default=USUAL_DAYS,
        write_only=True,
        help_text="How long it is valid.",
    )

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "name",
            "hint",
            "scopes",
            "days",
            "made_by",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )
        read_only_fields = ("hint", "expires_at", "last_used_at", "revoked_at")


class NewKeySerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="Shown this once, and kept nowhere.")
    record = ApiKeySerializer()


class KeyListView(TenantScoped):
    """A tenant's keys, newest first; a new one is shown in the answer, once."""

    right = Right.DELEGATE

    @extend_schema(responses=ApiKeySerializer(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        return Response(ApiKeySerializer(self._keys(), many=True).data)

    @extend_schema(request=ApiKeySerializer, responses={201: NewKeySerializer})
    def post(self, request: Request, **_: Any) -> Response:
        wanted = ApiKeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        mine = self.tenant.memberships.get(user__pk=request.user.pk or 0)
        made, text = keys.key_make(membership=mine, **wanted.validated_data)
        answer = NewKeySerializer({"key": text, "record": made})
        return Response(answer.data, status=status.HTTP_201_CREATED)

    def _keys(self) -> QuerySet[ApiKey]:
        theirs = ApiKey.objects.filter(membership__tenant=self.tenant)
        return theirs.select_related("membership__user")


class KeyView(TenantScoped):
    """One key. Revoked, it opens nothing from that moment on, and stays in the list."""

    right = Right.DELEGATE

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key_id: UUID, **_: Any) -> Response:
        theirs = ApiKey.objects.filter(membership__tenant=self.tenant)
        keys.key_revoke(key=get_object_or_404(theirs, pk=key_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Names the key in the OpenAPI document."""

    target_class = "tenants.api.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": f"{keys.PREFIX}…"}
