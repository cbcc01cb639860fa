"""API of a tenant's usage: the month on every meter, the days behind it, and its caps."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from billing import caps, usage
from tenants.api.access import TenantScoped
from tenants.models import Tenant
from tenants.policy import Right

DAYS_SHOWN = 90


class UsageDaySerializer(serializers.Serializer[Any]):
    meter = serializers.CharField()
    day = serializers.DateField()
    quantity = serializers.IntegerField()


class MeterSerializer(serializers.Serializer[Any]):
    meter = serializers.CharField()
    title = serializers.CharField(source="meter.label")
    used = serializers.IntegerField(help_text="In this calendar month, UTC.")
    included = serializers.IntegerField(help_text="Covered by the plan's price.")
    cap = serializers.IntegerField(allow_null=True, help_text="Nothing is used beyond it.")
    left = serializers.IntegerField(allow_null=True)
    cappable = serializers.BooleanField(help_text="Whether a cap can be set.")


class UsageSerializer(serializers.Serializer[Any]):
    meters = MeterSerializer(many=True)
    days = UsageDaySerializer(many=True)


class CapsSerializer(serializers.Serializer[Any]):
    caps = serializers.DictField(
        child=serializers.IntegerField(min_value=0, allow_null=True),
        help_text="Meter to its limit for a calendar month; null removes the cap.",
    )


class UsageView(TenantScoped):
    """What a tenant used."""

    right = Right.SEE

    @extend_schema(responses=UsageSerializer)
    def get(self, request: Request, **_: Any) -> Response:
        return Response(_usage_of(self.tenant))


class UsageCapsView(TenantScoped):
    """Sets or removes caps; the answer is the usage with the caps as they are now."""

    right = Right.PAY

    @extend_schema(request=CapsSerializer, responses=UsageSerializer)
    def put(self, request: Request, **_: Any) -> Response:
        wanted = CapsSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        tenant = self.tenant
        caps.caps_set(tenant=tenant, caps=wanted.validated_data["caps"])
        return Response(_usage_of(tenant))


def _usage_of(tenant: Tenant) -> Any:
    since = timezone.now().date() - timedelta(days=DAYS_SHOWN)
    answer = {
        "meters": usage.month_of(tenant.pk),
        "days": usage.days_of(tenant.pk, since=since),
    }
    return UsageSerializer(answer).data
