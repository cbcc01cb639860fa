"""API of plans, checkouts and subscriptions."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from billing import services
from billing.api.serializers import (
    AddOnSerializer,
    BuySerializer,
    CheckoutSerializer,
    PlanSerializer,
    SubscriptionSerializer,
)
from billing.models import AddOn, Checkout, Entitlement, Plan, Price
from tenants.api.access import Ruled, TenantScoped
from tenants.policy import Right
from wopr.common.permissions import Public


class PlanListView(generics.ListAPIView[Plan]):
    """The plans on sale, in the currency that we sell in."""

    permission_classes = (Public,)
    serializer_class = PlanSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Plan]:
        priced = Price.objects.filter(currency=settings.WOPR_CURRENCY).values("plan")
        on_sale = Plan.objects.filter(on_sale=True, pk__in=priced)
        return on_sale.prefetch_related("prices", "included_usage")


class AddOnListView(generics.ListAPIView[AddOn]):
    """What can be bought beside a plan, in the currency that we sell in."""

    permission_classes = (Public,)
    serializer_class = AddOnSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[AddOn]:
        priced = Price.objects.filter(currency=settings.WOPR_CURRENCY).exclude(stripe_price_id="")
        return AddOn.objects.filter(on_sale=True, pk__in=priced.values("add_on")).prefetch_related(
            "prices"
        )


class CheckoutOpenView(TenantScoped):
    """Opens Stripe's payment page for a plan; the customer is sent to its `url`."""

    throttle_scope = "checkout"
    right = Right.PAY

    @extend_schema(request=BuySerializer, responses={201: CheckoutSerializer})
    def post(self, request: Request, **_: Any) -> Response:
        wanted = BuySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        choice = wanted.validated_data
        checkout = services.checkout_open(
            tenant=self.tenant,
            plan_code=choice["plan"],
            interval=choice["interval"],
            quantity=choice["quantity"],
            add_ons=choice["add_ons"],
        )
        return Response(CheckoutSerializer(checkout).data, status=status.HTTP_201_CREATED)


class CheckoutView(Ruled, generics.RetrieveAPIView[Checkout]):
    """How an attempt to buy stands."""

    right = Right.SEE
    serializer_class = CheckoutSerializer
    lookup_url_kwarg = "checkout_id"

    def get_queryset(self) -> QuerySet[Checkout]:
        return Checkout.objects.filter(tenant__in=self.mine()).select_related("plan")


class SubscriptionView(TenantScoped):
    """What the tenant pays for, as last derived from Stripe."""

    right = Right.SEE

    @extend_schema(responses=SubscriptionSerializer)
    def get(self, request: Request, **_: Any) -> Response:
        tenant = self.tenant
        entitlement = Entitlement.objects.select_related("plan").filter(tenant=tenant).first()
        return Response(SubscriptionSerializer(entitlement or Entitlement(tenant=tenant)).data)
