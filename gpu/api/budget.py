"""API of a tenant's inference budget: this month against its limits, and the limit of its own."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gpu.budgets import budget_set
from gpu.models import Allowance, Budget
from tenants.api.access import TenantScoped
from tenants.models import Tenant
from tenants.policy import Right

MICROS = "Millionths of the currency."


@dataclass(frozen=True)
class Month:
    """What the answer is made of."""

    budget: Budget
    allowance: Allowance
    currency: str

    @property
    def left(self) -> int:
        taken = self.allowance.spent + self.allowance.held
        return max(self.budget.most - taken, 0)


class BudgetSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    month = serializers.DateField(source="allowance.month", help_text="Its first day, UTC.")
    allowed = serializers.IntegerField(
        source="budget.most_allowed", help_text=f"What you may spend at most. {MICROS}"
    )
    limit = serializers.IntegerField(
        source="budget.limit", allow_null=True, help_text=f"Your own limit, if any. {MICROS}"
    )
    spent = serializers.IntegerField(source="allowance.spent", help_text=MICROS)
    held = serializers.IntegerField(
        source="allowance.held", help_text=f"The most that requests under way may cost. {MICROS}"
    )
    left = serializers.IntegerField(help_text=MICROS)
    tokens = serializers.IntegerField(source="allowance.tokens")
    seconds = serializers.IntegerField(source="allowance.seconds", help_text="Of audio.")


class LimitSerializer(serializers.Serializer[Any]):
    limit = serializers.IntegerField(
        min_value=0, allow_null=True, help_text=f"{MICROS} null: as much as is allowed."
    )


class BudgetView(TenantScoped):
    """What a tenant spends on inference in this calendar month."""

    right = Right.SEE

    @extend_schema(responses=BudgetSerializer)
    def get(self, request: Request, **_: Any) -> Response:
        return Response(_month_of(self.tenant))


class BudgetLimitView(TenantScoped):
    """Sets or removes the tenant's own limit; the answer is the month with it."""

    right = Right.PAY

    @extend_schema(request=LimitSerializer, responses=BudgetSerializer)
    def put(self, request: Request, **_: Any) -> Response:
        wanted = LimitSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        budget_set(tenant=self.tenant, limit=wanted.validated_data["limit"])
        return Response(_month_of(self.tenant))


def _month_of(tenant: Tenant) -> Any:
    first = timezone.now().astimezone(UTC).date().replace(day=1)
    found = Allowance.objects.filter(tenant=tenant, month=first).first()
    allowance = found or Allowance(tenant=tenant, month=first)
    month = Month(Budget.of(tenant.pk), allowance, settings.WOPR_CURRENCY)
    return BudgetSerializer(month).data
