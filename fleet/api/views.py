"""API of instances and operations."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fleet import services
from fleet.api.serializers import InstanceSerializer, OperationSerializer
from fleet.api.stream import event_stream, operation_events
from fleet.models import Instance, Operation
from fleet.models.drift import missed_now
from tenants.api.views import TenantScoped
from tenants.models import Tenant
from wopr.common.permissions import SignedIn
from wopr.common.renderers import EventStreamRenderer


class InstanceListView(TenantScoped, generics.ListAPIView[Instance]):
    """A tenant's bots."""

    serializer_class = InstanceSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Instance]:
        if getattr(self, "swagger_fake_view", False):
            return Instance.objects.none()
        bots = self.tenant.instances.select_related("release", "node")
        return bots.annotate(missed_now=missed_now())


class InstanceView(generics.RetrieveAPIView[Instance]):
    """One bot."""

    permission_classes = (SignedIn,)
    serializer_class = InstanceSerializer
    lookup_url_kwarg = "instance_id"

    def get_queryset(self) -> QuerySet[Instance]:
        mine = Tenant.objects.of(self.request.user)
        return Instance.objects.filter(tenant__in=mine).select_related("release", "node")


class InstanceRetryView(APIView):
    """Sets a failed bot up again."""

    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses={202: OperationSerializer})
    def post(self, request: Request, instance_id: UUID) -> Response:
        mine = Instance.objects.filter(tenant__in=Tenant.objects.of(request.user))
        instance = get_object_or_404(mine.select_related("tenant"), pk=instance_id)
        operation = services.instance_retry(instance=instance, cause=f"user: {request.user.pk}")
        return Response(OperationSerializer(operation).data, status=status.HTTP_202_ACCEPTED)


class OperationListView(TenantScoped, generics.ListAPIView[Operation]):
    """What was and is being done for a tenant, newest first."""

    serializer_class = OperationSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Operation]:
        if getattr(self, "swagger_fake_view", False):
            return Operation.objects.none()
        return self.tenant.operations.prefetch_related("steps__operation")[:100]


class OperationView(generics.RetrieveAPIView[Operation]):
    """One operation with its steps."""

    permission_classes = (SignedIn,)
    serializer_class = OperationSerializer
    lookup_url_kwarg = "operation_id"

    def get_queryset(self) -> QuerySet[Operation]:
        return _mine(self.request).prefetch_related("steps__operation")


class OperationEventsView(APIView):
    """The operation as it changes, as server-sent events; resumable by Last-Event-ID."""

    permission_classes = (SignedIn,)
    renderer_classes = (EventStreamRenderer, JSONRenderer)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                OpenApiTypes.INT,
                OpenApiParameter.HEADER,
                description="The last revision seen; only newer ones are sent.",
            )
        ],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def get(self, request: Request, operation_id: UUID) -> StreamingHttpResponse:
        operation = get_object_or_404(_mine(request), pk=operation_id)
        seen = request.headers.get("Last-Event-ID", "")
        after = int(seen) if seen.isdigit() else -1
        return event_stream(operation_events(operation.pk, after=after))


def _mine(request: Any) -> QuerySet[Operation]:
    return Operation.objects.filter(tenant__in=Tenant.objects.of(request.user))
