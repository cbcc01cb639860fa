"""API of what a bot used over time, and of what happened to it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from fleet.models import Instance, InstanceEvent
from fleet.readings import reading_of
from tenants.api.access import Ruled
from tenants.policy import Right

USUAL = timedelta(hours=1)
LONGEST = timedelta(days=31)
EVENTS = 100


class PointSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    cpu_millis = serializers.IntegerField(help_text="Thousandths of a CPU.")
    memory = serializers.IntegerField(help_text="Bytes.")
    received_rate = serializers.IntegerField(help_text="Bytes a second.")
    sent_rate = serializers.IntegerField(help_text="Bytes a second.")
    disk = serializers.IntegerField(allow_null=True, help_text="Bytes in /data.")


class MetricsSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    step = serializers.IntegerField(help_text="Seconds that a point stands for.")
    cpu_limit_millis = serializers.IntegerField()
    memory_limit = serializers.IntegerField(help_text="Bytes.")
    disk_limit = serializers.IntegerField(help_text="Bytes.")
    points = PointSerializer(many=True, help_text="A stretch that was not seen has none.")


class Since(serializers.Serializer[Any]):
    since = serializers.DateTimeField(
        required=False, help_text="The last hour if it is left out; at most 31 days ago."
    )


class EventSerializer(serializers.ModelSerializer[InstanceEvent]):
    class Meta:
        model = InstanceEvent
        fields = ("id", "kind", "happened_at", "exit_code", "message")


class MetricsView(Ruled):
    """CPU, memory, network and disk of a bot over time."""

    right = Right.WATCH

    @extend_schema(parameters=[Since], responses=MetricsSerializer)
    def get(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        wanted = Since(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        now = timezone.now()
        since = max(wanted.validated_data.get("since", now - USUAL), now - LONGEST)
        reading = reading_of(instance, since=since)
        answer = {
            "since": reading.since,
            "step": reading.step,
            "points": reading.points,
            "cpu_limit_millis": instance.cpu_millis,
            "memory_limit": instance.memory_bytes,
            "disk_limit": instance.disk_bytes,
        }
        return Response(MetricsSerializer(answer).data)


class EventListView(Ruled):
    """What happened to a bot's container, newest first."""

    right = Right.WATCH

    @extend_schema(responses=EventSerializer(many=True))
    def get(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        return Response(EventSerializer(instance.events.all()[:EVENTS], many=True).data)
