"""API of a bot whose disk is full."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from fleet import services
from fleet.api.serializers import InstanceSerializer
from fleet.models import Instance
from tenants.api.access import Ruled
from tenants.policy import Right


class DiskGraceView(Ruled):
    """Lets a bot whose disk is full run for an hour to clean up; once a day."""

    right = Right.OPERATE

    @extend_schema(request=None, responses=InstanceSerializer)
    def post(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        services.instance_disk_grace(instance=instance, cause=f"user: {request.user.pk}")
        instance.refresh_from_db()
        return Response(InstanceSerializer(instance).data)
