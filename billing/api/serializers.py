"""Plans, checkouts and subscriptions as the API shows them."""

from datetime import datetime
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.models import AddOn, Checkout, Entitlement, IncludedUsage, Plan, Price
from billing.orders import MOST_OF_AN_ADD_ON
from billing.standing import DELETION, Standing, standing_for
from billing.terms import MOST_BOTS


class PriceSerializer(serializers.Serializer[Price]):
    amount = serializers.IntegerField(help_text="In the currency's minor unit.")
    currency = serializers.CharField()
    interval = serializers.CharField()


class IncludedSerializer(serializers.ModelSerializer[IncludedUsage]):
    title = serializers.CharField(source="get_meter_display")

    class Meta:
        model = IncludedUsage
        fields = ("meter", "title", "quantity")


class PlanSerializer(serializers.ModelSerializer[Plan]):
    price = serializers.SerializerMethodField(help_text="By the month, if it is sold so.")
    prices = serializers.SerializerMethodField(help_text="One for each interval.")
    cpus = serializers.SerializerMethodField()
    included = IncludedSerializer(
        source="included_usage",
        many=True,
        read_only=True,
        help_text="Use in a calendar month (UTC) that the price covers.",
    )

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
            "included",
        )

    @extend_schema_field(PriceSerializer)
    def get_price(self, plan: Plan) -> dict[str, Any]:
        return self.get_prices(plan)[0]

    @extend_schema_field(PriceSerializer(many=True))
    def get_prices(self, plan: Plan) -> list[dict[str, Any]]:
        return _prices(plan)

    def get_cpus(self, plan: Plan) -> float:
        return plan.cpu_millis / 1000


class AddOnSerializer(serializers.ModelSerializer[AddOn]):
    prices = serializers.SerializerMethodField(help_text="One for each interval.")

    class Meta:
        model = AddOn
        fields = ("code", "name", "description", "prices", "bots", "memory_mb", "disk_gb")

    @extend_schema_field(PriceSerializer(many=True))
    def get_prices(self, add_on: AddOn) -> list[dict[str, Any]]:
        return _prices(add_on)


def _prices(offer: Plan | AddOn) -> list[dict[str, Any]]:
    offered = [offer.price(interval) for interval in Price.Interval.values]
    return [PriceSerializer(price).data for price in offered if price]


class CountsField(serializers.DictField):
    """Codes of add-ons, each with how many of it."""

    child = serializers.IntegerField(min_value=0, max_value=MOST_OF_AN_ADD_ON)


class BuySerializer(serializers.Serializer[Any]):
    plan = serializers.CharField(max_length=40)
    interval = serializers.ChoiceField(Price.Interval.choices, default=Price.Interval.MONTH)
    quantity = serializers.IntegerField(
        default=1, min_value=1, max_value=MOST_BOTS, help_text="How many times the plan's bots."
    )
    add_ons = CountsField(default=dict, help_text="Code to how many.")


class ChangeSerializer(serializers.Serializer[Any]):
    """What is left out stays as it is now."""

    plan = serializers.CharField(max_length=40)
    interval = serializers.ChoiceField(Price.Interval.choices, required=False)
    quantity = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_BOTS,
        help_text="How many times the plan's bots.",
    )
    add_ons = CountsField(
        required=False, help_text="Code to how many; those that are not named are removed."
    )


class QuotedChangeSerializer(ChangeSerializer):
    quote = serializers.CharField(
        default="", allow_blank=True, max_length=512, help_text="Of the preview that was confirmed."
    )


class CancelSerializer(serializers.Serializer[Any]):
    when = serializers.ChoiceField(choices=("period_end", "now"))


class PreviewLineSerializer(serializers.Serializer[Any]):
    description = serializers.CharField()
    amount = serializers.IntegerField(help_text="In the currency's minor unit; may be negative.")


class PreviewSerializer(serializers.Serializer[Any]):
    plan = serializers.CharField(source="target.plan.code")
    interval = serializers.CharField(source="target.interval")
    quantity = serializers.IntegerField(source="target.quantity")
    add_ons = CountsField(source="target.add_ons")
    due_now = serializers.IntegerField(help_text="In the currency's minor unit.")
    credit = serializers.IntegerField(help_text="What is taken off the next invoices.")
    currency = serializers.CharField()
    next_amount = serializers.IntegerField(
        source="target.amount", help_text="Of each invoice from then on, without taxes, discounts."
    )
    next_at = serializers.DateTimeField(help_text="When the next invoice comes.")
    lines = PreviewLineSerializer(many=True)
    quote = serializers.CharField(
        help_text="Given with the change within an hour, it makes what is due now what was shown."
    )


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
            "add_ons",
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
    """Of one entitlement at a time."""

    _read: Standing | None = None
    plan: serializers.SlugRelatedField[Plan] = serializers.SlugRelatedField(
        slug_field="code", read_only=True
    )
    plan_name = serializers.CharField(source="plan.name", default="")
    add_ons = CountsField()
    entitled = serializers.BooleanField(read_only=True)
    subscribed = serializers.BooleanField(
        read_only=True, help_text="Whether a subscription is open, paid or not."
    )
    trial_possible = serializers.BooleanField(
        read_only=True, help_text="Free days are given once, with the first subscription."
    )
    service = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField(help_text="Of a service that is or will be stopped.")
    suspends_at = serializers.SerializerMethodField()
    ends_at = serializers.SerializerMethodField()
    retention_days = serializers.SerializerMethodField(
        help_text="How long what bots stored is kept once the service has stopped."
    )

    class Meta:
        model = Entitlement
        fields = (
            "status",
            "plan",
            "plan_name",
            "quantity",
            "add_ons",
            "bots",
            "amount",
            "currency",
            "interval",
            "entitled",
            "subscribed",
            "trial_possible",
            "ended_at",
            "service",
            "reason",
            "suspends_at",
            "ends_at",
            "retention_days",
            "current_period_end",
            "cancel_at_period_end",
            "refreshed_at",
        )

    def get_service(self, entitlement: Entitlement) -> str:
        return self._standing(entitlement).service

    @extend_schema_field(serializers.ChoiceField(["", "payment", "held", "deletion"]))
    def get_reason(self, entitlement: Entitlement) -> str:
        """Which hold it is, and why, is between the customer and our staff."""
        known = {"": "", "payment": "payment", "no plan": "", DELETION: DELETION}
        return known.get(self._standing(entitlement).reason, "held")

    def get_suspends_at(self, entitlement: Entitlement) -> datetime | None:
        return self._standing(entitlement).suspends_at

    def get_ends_at(self, entitlement: Entitlement) -> datetime | None:
        return self._standing(entitlement).ends_at

    def get_retention_days(self, _: Entitlement) -> int:
        days: int = settings.WOPR_RETENTION_DAYS
        return days

    def _standing(self, entitlement: Entitlement) -> Standing:
        """Read once for each answer."""
        if self._read is None:
            self._read = standing_for(entitlement.tenant_id)
        return self._read
