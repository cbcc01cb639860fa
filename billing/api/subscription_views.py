"""API of a running subscription: preview, change, cancel, resume, and Stripe's portal."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from billing import subscriptions
from billing.api.serializers import (
    CancelSerializer,
    ChangeSerializer,
    PortalSerializer,
    PreviewSerializer,
    QuotedChangeSerializer,
    SubscriptionSerializer,
)
from billing.changes import Wish
from tenants.api.access import TenantScoped
from tenants.policy import Right


class SubscriptionAction(TenantScoped):
    """Anything that may cost money: for roles that may pay, and not too often."""

    right = Right.PAY
    throttle_scope = "checkout"


class SubscriptionPreviewView(SubscriptionAction):
    """What a change of plan, number of bots or add-ons would cost now. Changes nothing."""

    @extend_schema(request=ChangeSerializer, responses=PreviewSerializer)
    def post(self, request: Request, **_: Any) -> Response:
        wish = Wish(**_valid(ChangeSerializer(data=request.data)))
        preview = subscriptions.change_preview(tenant=self.tenant, wish=wish)
        return Response(PreviewSerializer(preview).data)


class SubscriptionChangeView(SubscriptionAction):
    """Changes plan, number of bots or add-ons, and charges or credits the difference."""

    @extend_schema(request=QuotedChangeSerializer, responses=SubscriptionSerializer)
    def post(self, request: Request, **_: Any) -> Response:
        wanted = _valid(QuotedChangeSerializer(data=request.data))
        quote = wanted.pop("quote")
        entitlement = subscriptions.change(tenant=self.tenant, wish=Wish(**wanted), quote=quote)
        return Response(SubscriptionSerializer(entitlement).data)


class SubscriptionCancelView(SubscriptionAction):
    """Cancels at the end of the paid period, or now."""

    @extend_schema(request=CancelSerializer, responses=SubscriptionSerializer)
    def post(self, request: Request, **_: Any) -> Response:
        wanted = _valid(CancelSerializer(data=request.data))
        entitlement = subscriptions.cancel(tenant=self.tenant, now=wanted["when"] == "now")
        return Response(SubscriptionSerializer(entitlement).data)


class SubscriptionResumeView(SubscriptionAction):
    """Takes back a cancellation that has not come into force."""

    @extend_schema(request=None, responses=SubscriptionSerializer)
    def post(self, request: Request, **_: Any) -> Response:
        entitlement = subscriptions.resume(tenant=self.tenant)
        return Response(SubscriptionSerializer(entitlement).data)


class PortalView(SubscriptionAction):
    """Opens Stripe's own pages for payment methods and invoices."""

    @extend_schema(request=None, responses=PortalSerializer)
    def post(self, request: Request, **_: Any) -> Response:
        return Response({"url": subscriptions.portal_open(tenant=self.tenant)})


def _valid(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
