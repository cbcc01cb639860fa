"""API of what a bot's owner asks of it. Every answer is the operation that does it."""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from fleet import services
from fleet.api.serializers import OperationSerializer
from fleet.models import Backup, Instance, Operation
from tenants.api.access import Ruled
from tenants.policy import Right
from wopr.common.errors import Refused


class RestoreSerializer(serializers.Serializer[Any]):
    backup = serializers.UUIDField(help_text="A proven backup of any of the tenant's bots.")


class CloneSerializer(serializers.Serializer[Any]):
    backup = serializers.UUIDField(
        required=False, help_text="Without it the data are backed up first, as they are now."
    )
    into = serializers.UUIDField(
        required=False,
        help_text="Another bot of the tenant, whose data are replaced; without it, a new bot.",
    )


class RenameSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField(max_length=63, help_text="The new first label of its hostname.")


class ActionView(Ruled):
    """Opens one operation on the caller's bot."""

    right: ClassVar[Right | Mapping[str, Right] | None] = Right.OPERATE

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        raise NotImplementedError

    @extend_schema(request=None, responses={202: OperationSerializer})
    def post(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        operation = self.open(instance, f"user: {request.user.pk}", request)
        return Response(OperationSerializer(operation).data, status=status.HTTP_202_ACCEPTED)


class StartView(ActionView):
    """Starts a stopped bot, and sees that it answers under its name."""

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        return services.instance_start(instance=instance, cause=cause)


class StopView(ActionView):
    """Stops a bot. Its name says so, its data stay, and it stays stopped until it is started."""

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        return services.instance_stop(instance=instance, cause=cause)


class RestartView(ActionView):
    """Stops a bot and starts it with a new container."""

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        return services.instance_restart(instance=instance, cause=cause)


class DeleteView(ActionView):
    """Ends a bot that the plan does not pay for any more, and proves that nothing is left of it.

    Its data are backed up a last time; that backup can be downloaded for a while.
    """

    right: ClassVar[Right | Mapping[str, Right] | None] = Right.OWN

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        return services.instance_delete(instance=instance, cause=cause)


class RestoreView(ActionView):
    """Replaces a bot's data by a backup; what it has now is backed up first."""

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        backup = named_backup(instance, validated(RestoreSerializer, request)["backup"])
        return services.instance_restore(instance=instance, backup=backup, cause=cause)

    @extend_schema(request=RestoreSerializer, responses={202: OperationSerializer})
    def post(self, request: Request, instance_id: UUID) -> Response:
        return super().post(request, instance_id)


class CloneView(ActionView):
    """Makes another bot of this one's data, if the plan runs more than there are; or fills one.

    A bot that is named is filled: what it has now is backed up first, then replaced.
    """

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        asked = validated(CloneSerializer, request)
        backup = named_backup(instance, asked["backup"]) if "backup" in asked else None
        if "into" in asked:
            target = self.pick(Instance, pk=asked["into"])
            return services.instance_clone_into(
                instance=instance, target=target, backup=backup, cause=cause
            )
        return services.instance_clone(instance=instance, backup=backup, cause=cause)

    @extend_schema(request=CloneSerializer, responses={202: OperationSerializer})
    def post(self, request: Request, instance_id: UUID) -> Response:
        return super().post(request, instance_id)


class RenameView(ActionView):
    """Gives a bot another name; the old one stops leading to it once the new one works."""

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        slug = validated(RenameSerializer, request)["slug"].strip().lower()
        return services.instance_rename(instance=instance, slug=slug, cause=cause)

    @extend_schema(request=RenameSerializer, responses={202: OperationSerializer})
    def post(self, request: Request, instance_id: UUID) -> Response:
        return super().post(request, instance_id)


def validated(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def named_backup(instance: Instance, backup_id: UUID) -> Backup:
    """A backup of the same tenant; to others there is none."""
    theirs = Backup.objects.filter(instance__tenant=instance.tenant_id)
    backup = theirs.select_related("instance").filter(pk=backup_id).first()
    if backup is None:
        raise Refused("backup_unknown", "There is no such backup.", field="backup", status=404)
    return backup
