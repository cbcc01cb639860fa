"""API of a bot's releases: what it runs, what it could run, when it is updated, and both ways."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from fleet import release_services, updates
from fleet.api.actions import ActionView
from fleet.models import Instance, Operation, Release, TenantPin
from tenants.api.access import Ruled
from tenants.policy import Right


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    class Meta:
        model = Release
        fields = ("digest", "created_at")


class UpdatesSerializer(serializers.Serializer[Instance]):
    policy = serializers.ChoiceField(Instance.Updates.choices, source="updates")
    hour = serializers.IntegerField(
        min_value=0, max_value=23, source="update_hour", help_text="Local hour of a nightly update."
    )
    time_zone = serializers.CharField(max_length=64, help_text="Such as Europe/Berlin.")
    running = ReleaseSerializer(source="release", read_only=True, allow_null=True)
    earlier = ReleaseSerializer(source="previous_release", read_only=True, allow_null=True)
    available = serializers.SerializerMethodField()
    pinned_because = serializers.SerializerMethodField(help_text="Why no rollout touches the bot.")
    crashing_since = serializers.DateTimeField(read_only=True, allow_null=True)
    exit_code = serializers.IntegerField(read_only=True, allow_null=True)

    @extend_schema_field(ReleaseSerializer(allow_null=True))
    def get_available(self, instance: Instance) -> Any:
        release = updates.available(instance)
        return ReleaseSerializer(release).data if release else None

    def get_pinned_because(self, instance: Instance) -> str:
        pin = TenantPin.objects.filter(tenant=instance.tenant_id).first()
        return instance.pinned_because or (pin.reason if pin else "")


class UpdatesView(Ruled):
    """What a bot runs, what it could run, and when it is updated."""

    right: ClassVar = {"GET": Right.WATCH, "PUT": Right.OPERATE}

    @extend_schema(responses=UpdatesSerializer)
    def get(self, request: Request, instance_id: UUID) -> Response:
        return Response(UpdatesSerializer(self.pick(Instance, pk=instance_id)).data)

    @extend_schema(request=UpdatesSerializer, responses=UpdatesSerializer)
    def put(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        wish = UpdatesSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        release_services.instance_policy(
            instance=instance,
            policy=wish.validated_data["updates"],
            hour=wish.validated_data["update_hour"],
            time_zone=wish.validated_data["time_zone"],
        )
        instance.refresh_from_db()
        return Response(UpdatesSerializer(instance).data)


class UpdateView(ActionView):
    """Updates a bot now; one that gets worse by it goes back by itself."""

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        return release_services.instance_update(instance=instance, cause=cause)


class RollBackView(ActionView):
    """Takes a bot back to the release that it ran before."""

    def open(self, instance: Instance, cause: str, request: Request) -> Operation:
        return release_services.instance_roll_back(instance=instance, cause=cause)
