"""API of a bot whose disk is full."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fleet import services
from fleet.api.scope import watchable
from fleet.api.serializers import InstanceSerializer
from wopr.common.permissions import SignedIn


class DiskGraceView(APIView):
    """Lets a bot whose disk is full run for an hour to clean up; once a day."""

    permission_classes = (SignedIn,)

    @extend_schema(request=None, responses=InstanceSerializer)
    def post(self, request: Request, instance_id: UUID) -> Response:
        instance = watchable(request, instance_id)
        services.instance_disk_grace(instance=instance, cause=f"user: {request.user.pk}")
        instance.refresh_from_db()
        return Response(InstanceSerializer(instance).data)
