"""API of a bot's backups: what there is to restore, and one more on demand."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from fleet import services
from fleet.api.actions import ActionView
from fleet.api.serializers import OperationSerializer
from fleet.models import Backup, Instance, Operation
from tenants.policy import Right


class BackupSerializer(serializers.ModelSerializer[Backup]):
    files = serializers.SerializerMethodField()

    class Meta:
        model = Backup
        fields = ("id", "instance", "reason", "size", "files", "taken_at", "proven_at")

    def get_files(self, backup: Backup) -> int:
        return sum(1 for entry in backup.manifest.values() if entry[0] == "file")


class BackupListView(ActionView):
    """A bot's backups, newest first. Only those that were seen to restore have a `proven_at`."""

    right: ClassVar = {"GET": Right.WATCH, "POST": Right.OPERATE}

    @extend_schema(responses=BackupSerializer(many=True))
    def get(self, request: Request, instance_id: UUID, **_: Any) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        return Response(BackupSerializer(kept(instance), many=True).data)

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        return services.instance_back_up(instance=instance, cause=cause)

    @extend_schema(request=None, responses={202: OperationSerializer})
    def post(self, request: Request, instance_id: UUID) -> Response:
        """Backs the bot up now, and proves the backup by restoring it into a scratch volume."""
        return super().post(request, instance_id)


def kept(instance: Instance) -> QuerySet[Backup]:
    return instance.backups.filter(taken_at__isnull=False, forgotten_at__isnull=True)
