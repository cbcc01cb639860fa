"""API of instances and operations."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from fleet import services
from fleet.api.serializers import InstanceSerializer, OperationSerializer
from fleet.api.stream import event_stream, operation_events
from fleet.models import Instance, Operation
from fleet.models.drift import missed_now
from tenants.api.access import Ruled, TenantScoped
from tenants.policy import Right
from wopr.common.renderers import EventStreamRenderer


class InstanceListView(TenantScoped, generics.ListAPIView[Instance]):
    """A tenant's bots."""

    right = Right.SEE
    serializer_class = InstanceSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Instance]:
        if getattr(self, "swagger_fake_view", False):
            return Instance.objects.none()
        bots = self.tenant.instances.select_related("release", "node")
        return bots.annotate(missed_now=missed_now())


class FleetView(Ruled, generics.ListAPIView[Instance]):
    """Every bot of every tenant that the caller belongs to, but for those that have ended."""

    right = Right.SEE
    serializer_class = InstanceSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Instance]:
        bots = Instance.objects.filter(tenant__in=self.mine())
        alive = bots.exclude(status=Instance.Status.TERMINATED).order_by("tenant", "created_at")
        return alive.select_related("release", "node").annotate(missed_now=missed_now())


class InstanceView(Ruled, generics.RetrieveAPIView[Instance]):
    """One bot."""

    right = Right.SEE
    serializer_class = InstanceSerializer
    lookup_url_kwarg = "instance_id"

    def get_queryset(self) -> QuerySet[Instance]:
        return Instance.objects.filter(tenant__in=self.mine()).select_related("release", "node")


class InstanceRetryView(Ruled):
    """Sets a failed bot up again."""

    right = Right.OPERATE

    @extend_schema(request=None, responses={202: OperationSerializer})
    def post(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        operation = services.instance_retry(instance=instance, cause=f"user: {request.user.pk}")
        return Response(OperationSerializer(operation).data, status=status.HTTP_202_ACCEPTED)


class OperationListView(TenantScoped, generics.ListAPIView[Operation]):
    """What was and is being done for a tenant, newest first."""

    right = Right.SEE
    serializer_class = OperationSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Operation]:
        if getattr(self, "swagger_fake_view", False):
            return Operation.objects.none()
        return self.tenant.operations.prefetch_related("steps__operation")[:100]


class OperationView(Ruled, generics.RetrieveAPIView[Operation]):
    """One operation with its steps."""

    right = Right.SEE
    serializer_class = OperationSerializer
    lookup_url_kwarg = "operation_id"

    def get_queryset(self) -> QuerySet[Operation]:
        return Operation.objects.filter(tenant__in=self.mine()).prefetch_related("steps__operation")


class OperationEventsView(Ruled):
    """The operation as it changes, as server-sent events; resumable by Last-Event-ID."""

    right = Right.SEE
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
        operation = self.pick(Operation, pk=operation_id)
        seen = request.headers.get("Last-Event-ID", "")
        after = int(seen) if seen.isdigit() else -1
        return event_stream(operation_events(operation.pk, after=after))
