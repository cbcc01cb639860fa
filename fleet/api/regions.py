"""API of the region that a tenant's bots live in."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from fleet import regions
from fleet.regions import Region
from tenants.api.access import TenantScoped
from tenants.policy import Right


class RegionSerializer(serializers.Serializer[Region]):
    code = serializers.CharField()
    title = serializers.CharField()


class ResidenceSerializer(serializers.Serializer[dict[str, Any]]):
    region = serializers.CharField(
        allow_blank=True, max_length=63, help_text="Its code; empty is wherever there is room."
    )
    offered = RegionSerializer(many=True, read_only=True)


class ResidenceView(TenantScoped):
    """Where new bots and machines of the tenant are placed; what exists stays where it is."""

    right: ClassVar = {"GET": Right.SEE, "PUT": Right.PAY}

    @extend_schema(responses=ResidenceSerializer)
    def get(self, request: Request, **_: Any) -> Response:
        return self._shown()

    @extend_schema(request=ResidenceSerializer, responses=ResidenceSerializer)
    def put(self, request: Request, **_: Any) -> Response:
        self.demand(self.tenant)
        wanted = ResidenceSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        regions.choose(tenant=self.tenant, code=wanted.validated_data["region"])
        return self._shown()

    def _shown(self) -> Response:
        region = regions.chosen(self.tenant)
        shown = {"region": region.code if region else "", "offered": regions.offered()}
        return Response(ResidenceSerializer(shown).data)
