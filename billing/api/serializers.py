"""Plans, checkouts and subscriptions as the API shows them."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.models import Checkout, Entitlement, Plan
from billing.standing import standing_for


class PriceSerializer(serializers.Serializer[Any]):
    amount = serializers.IntegerField(help_text="In the currency's minor unit.")
    currency = serializers.CharField()
    interval = serializers.CharField()


class PlanSerializer(serializers.ModelSerializer[Plan]):
    price = serializers.SerializerMethodField()
    cpus = serializers.SerializerMethodField()

    class Meta:
        model = Plan
        fields = (
            "code",
            "name",
            "description",
            "price",
            "memory_mb",
            "cpus",
            "pids",
            "disk_gb",
            "bots",
            "placement",
            "trial_days",
        )

    @extend_schema_field(PriceSerializer)
    def get_price(self, plan: Plan) -> dict[str, Any]:
        return {"amount": plan.amount, "currency": plan.currency, "interval": plan.interval}

    def get_cpus(self, plan: Plan) -> float:
        return plan.cpu_millis / 1000


class BuySerializer(serializers.Serializer[Any]):
    plan = serializers.CharField(max_length=40)


class ChangeSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField(max_length=40)
    quantity = serializers.IntegerField(default=1, min_value=1, help_text="Number of bots.")


class CancelSerializer(serializers.Serializer[Any]):
    when = serializers.ChoiceField(choices=("period_end", "now"))


class PreviewLineSerializer(serializers.Serializer[Any]):
    description = serializers.CharField()
    amount = serializers.IntegerField(help_text="In the currency's minor unit; may be negative.")


class PreviewSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField()
    quantity = serializers.IntegerField()
    due_now = serializers.IntegerField(help_text="In the currency's minor unit.")
    currency = serializers.CharField()
    lines = PreviewLineSerializer(many=True)


class PortalSerializer(serializers.Serializer[Any]):
    url = serializers.URLField()


class CheckoutSerializer(serializers.ModelSerializer[Checkout]):
    plan = serializers.CharField(source="plan.code")
    message = serializers.SerializerMethodField()

    class Meta:
        model = Checkout
        fields = ("id", "tenant", "plan", "status", "url", "expires_at", "message")

    def get_message(self, checkout: Checkout) -> str:
        return {
            Checkout.Status.OPENING: "The payment page is being opened.",
            Checkout.Status.OPEN: "Waiting for your payment. Nothing has been charged yet.",
            Checkout.Status.COMPLETE: "Payment received.",
            Checkout.Status.EXPIRED: (
                "This payment page has expired. Nothing was charged; choose a plan to start again."
            ),
        }[Checkout.Status(checkout.status)]


class SubscriptionSerializer(serializers.ModelSerializer[Entitlement]):
    plan: serializers.SlugRelatedField[Plan] = serializers.SlugRelatedField(
        slug_field="code", read_only=True
    )
    entitled = serializers.BooleanField(read_only=True)
    service = serializers.SerializerMethodField()
    suspends_at = serializers.SerializerMethodField()
    ends_at = serializers.SerializerMethodField()

    class Meta:
        model = Entitlement
        fields = (
            "status",
            "plan",
            "bots",
            "entitled",
            "service",
            "suspends_at",
            "ends_at",
            "current_period_end",
            "cancel_at_period_end",
            "refreshed_at",
        )

    def get_service(self, entitlement: Entitlement) -> str:
        return standing_for(entitlement.tenant_id).service

    def get_suspends_at(self, entitlement: Entitlement) -> datetime | None:
        return standing_for(entitlement.tenant_id).suspends_at

    def get_ends_at(self, entitlement: Entitlement) -> datetime | None:
        return standing_for(entitlement.tenant_id).ends_at
