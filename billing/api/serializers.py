"""Plans, checkouts and subscriptions as the API shows them."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.models import Checkout, Entitlement, Plan, Price
from billing.standing import standing_for
from billing.terms import MOST_BOTS


class PriceSerializer(serializers.Serializer[Price]):
    amount = serializers.IntegerField(help_text="In the currency's minor unit.")
    currency = serializers.CharField()
    interval = serializers.CharField()


class PlanSerializer(serializers.ModelSerializer[Plan]):
    price = serializers.SerializerMethodField(help_text="By the month, if it is sold so.")
    prices = serializers.SerializerMethodField(help_text="One for each interval.")
    cpus = serializers.SerializerMethodField()

    class Meta:
        model = Plan
        fields = (
            "code",
            "name",
            "description",
            "price",
            "prices",
            "memory_mb",
            "cpus",
            "pids",
            "disk_gb",
            "bots",
            "backups_kept",
            "placement",
            "trial_days",
        )

    @extend_schema_field(PriceSerializer)
    def get_price(self, plan: Plan) -> dict[str, Any]:
        return self.get_prices(plan)[0]

    @extend_schema_field(PriceSerializer(many=True))
    def get_prices(self, plan: Plan) -> list[dict[str, Any]]:
        offered = [plan.price(interval) for interval in Price.Interval.values]
        return [PriceSerializer(price).data for price in offered if price]

    def get_cpus(self, plan: Plan) -> float:
        return plan.cpu_millis / 1000


class BuySerializer(serializers.Serializer[Any]):
    plan = serializers.CharField(max_length=40)
    interval = serializers.ChoiceField(Price.Interval.choices, default=Price.Interval.MONTH)
    quantity = serializers.IntegerField(
        default=1, min_value=1, max_value=MOST_BOTS, help_text="How many times the plan's bots."
    )


class ChangeSerializer(BuySerializer):
    interval = serializers.ChoiceField(
        Price.Interval.choices, required=False, help_text="Left out: as it is now."
    )


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
        fields = (
            "id",
            "tenant",
            "plan",
            "interval",
            "quantity",
            "status",
            "url",
            "expires_at",
            "message",
        )

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
            "amount",
            "currency",
            "interval",
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
