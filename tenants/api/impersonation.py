"""API of looking as a customer: how it ends, and who did; beginning it is the admin's."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import impersonating
from tenants.api.access import Ruled, TenantScoped
from tenants.models import Impersonation
from tenants.policy import Right

SHOWN = 100


class ImpersonationView(Ruled):
    """What the caller's own session is in."""

    right = Right.SELF

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Goes back to being oneself; doing it again changes nothing."""
        chosen = request._request.session.pop(impersonating.SESSION_KEY, None)
        if chosen:
            impersonating.impersonation_end(
                impersonation_id=chosen,
                staff=request.user,  # type: ignore[arg-type]
            )
        return Response(status=status.HTTP_204_NO_CONTENT)


class ImpersonationSerializer(serializers.ModelSerializer[Impersonation]):
    staff = serializers.EmailField(source="staff.email")
    person = serializers.EmailField(source="person.email", help_text="As whom they looked.")
    began_at = serializers.DateTimeField(source="created_at")
    ended_at = serializers.DateTimeField(
        source="over_at", allow_null=True, help_text="Null while they look."
    )

    class Meta:
        model = Impersonation
        fields = ("id", "staff", "person", "began_at", "ended_at")


class ImpersonationListView(TenantScoped):
    """Who of the staff looked at the tenant as one of its people, and when; the newest first."""

    right = Right.OWN

    @extend_schema(responses=ImpersonationSerializer(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        looks = Impersonation.objects.at(self.tenant).select_related("staff", "person")
        return Response(ImpersonationSerializer(looks[:SHOWN], many=True).data)
