"""API of GPU nodes, for staff: what there is, ordering one, rebooting it, giving it back."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fleet.api.serializers import OperationSerializer
from fleet.models import Operation
from gpu import services
from gpu.models import GpuNode, Service
from wopr.common.permissions import StaffRight


class ServiceSerializer(serializers.ModelSerializer[Service]):
    class Meta:
        model = Service
        fields = ("kind", "port", "state", "since", "probed_at", "proven_at", "latency_ms", "error")


class GpuNodeSerializer(serializers.ModelSerializer[GpuNode]):
    """A node; what it costs is null for one made by hand."""

    provider = serializers.CharField(source="server.provider", default=None, read_only=True)
    region = serializers.CharField(source="server.region", default=None, read_only=True)
    size = serializers.CharField(source="server.size", default=None, read_only=True)
    status = serializers.CharField(source="server.status", default=None, read_only=True)
    hourly = serializers.DecimalField(
        12, 6, source="server.hourly", default=None, read_only=True, help_text="Before tax."
    )
    currency = serializers.CharField(source="server.currency", default=None, read_only=True)
    services = ServiceSerializer(many=True, read_only=True)

    class Meta:
        model = GpuNode
        fields = (
            "id", "name", "address", "stage", "stage_since", "failure", "accepts_requests",
            "provider", "region", "size", "image", "status", "hourly", "currency",
            "created_at", "services",
        )  # fmt: skip


class GpuOrderSerializer(serializers.Serializer[Any]):
    provider = serializers.CharField(default="digitalocean", max_length=32)
    region = serializers.CharField(max_length=64)
    size = serializers.CharField(max_length=64, help_text="One with a GPU.")
    image = serializers.CharField(
        default="", max_length=200, help_text="The operating system; by default WOPR_GPU_IMAGE."
    )


class _Staff(APIView):
    permission_classes = (StaffRight,)

    @staticmethod
    def nodes() -> QuerySet[GpuNode]:
        return GpuNode.objects.select_related("server").prefetch_related("services")

    def node(self, node_id: UUID) -> GpuNode:
        return get_object_or_404(self.nodes(), pk=node_id)


class GpuNodeListView(_Staff):
    """All GPU nodes, those that are gone too."""

    rights: ClassVar = {"GET": "gpu.view_gpunode", "POST": "gpu.add_gpunode"}

    @extend_schema(responses=GpuNodeSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(GpuNodeSerializer(self.nodes(), many=True).data)

    @extend_schema(request=GpuOrderSerializer, responses={202: GpuNodeSerializer})
    def post(self, request: Request) -> Response:
        """Orders a node. It costs money from then on; one whose boot fails is given back."""
        wanted = GpuOrderSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        node = services.gpu_provision(**wanted.validated_data, cause=_cause(request))
        return Response(GpuNodeSerializer(node).data, status=status.HTTP_202_ACCEPTED)


class GpuNodeView(_Staff):
    """One GPU node with its services."""

    rights: ClassVar = {"GET": "gpu.view_gpunode", "DELETE": "gpu.delete_gpunode"}

    @extend_schema(responses=GpuNodeSerializer)
    def get(self, request: Request, node_id: UUID) -> Response:
        return Response(GpuNodeSerializer(self.node(node_id)).data)

    @extend_schema(responses={202: OperationSerializer})
    def delete(self, request: Request, node_id: UUID) -> Response:
        """Gives the node back: the machine is destroyed, and seen gone."""
        return _accepted(services.gpu_destroy(node=self.node(node_id), cause=_cause(request)))


class GpuNodeRebootView(_Staff):
    """Reboots the machine of a node."""

    rights: ClassVar = {"POST": "gpu.change_gpunode"}

    @extend_schema(request=None, responses={202: OperationSerializer})
    def post(self, request: Request, node_id: UUID) -> Response:
        return _accepted(services.gpu_reboot(node=self.node(node_id), cause=_cause(request)))


def _accepted(operation: Operation) -> Response:
    return Response(OperationSerializer(operation).data, status=status.HTTP_202_ACCEPTED)


def _cause(request: Request) -> str:
    return f"staff: {request.user.pk}"
