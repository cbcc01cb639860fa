"""Instances and operations as the API shows them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fleet.models import Instance, Operation, Step
from fleet.models.instance import UNKNOWN
from fleet.progress import kind_title, progress_of, step_title


class StepSerializer(serializers.ModelSerializer[Step]):
    title = serializers.SerializerMethodField()

    class Meta:
        model = Step
        fields = ("name", "title", "state", "message", "attempts", "started_at", "finished_at")

    def get_title(self, step: Step) -> str:
        return step_title(step.operation.kind, step.name)


class OperationSerializer(serializers.ModelSerializer[Operation]):
    title = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    current_step = serializers.SerializerMethodField()
    steps = StepSerializer(many=True, read_only=True)

    class Meta:
        model = Operation
        fields = (
            "id",
            "tenant",
            "kind",
            "title",
            "state",
            "progress",
            "current_step",
            "error",
            "revision",
            "correlation_id",
            "attempts",
            "next_attempt_at",
            "created_at",
            "started_at",
            "finished_at",
            "steps",
        )

    def get_title(self, operation: Operation) -> str:
        return kind_title(operation.kind)

    def get_progress(self, operation: Operation) -> int:
        return progress_of(operation).percent

    def get_current_step(self, operation: Operation) -> str | None:
        current = progress_of(operation).current
        return current.name if current else None


STATUSES = [*Instance.Status.values, UNKNOWN]


class InstanceSerializer(serializers.ModelSerializer[Instance]):
    status = serializers.ChoiceField(
        STATUSES,
        source="shown_status",
        read_only=True,
        help_text="`unknown` while its machine does not answer, or it is not seen to run there.",
    )
    hostname = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True)
    image_digest = serializers.SerializerMethodField()
    cpus = serializers.SerializerMethodField()
    operation = serializers.SerializerMethodField()

    class Meta:
        model = Instance
        fields = (
            "id",
            "tenant",
            "slug",
            "hostname",
            "url",
            "status",
            "provider_ready",
            "image",
            "image_digest",
            "memory_mb",
            "cpus",
            "pids",
            "disk_gb",
            "disk_state",
            "disk_used",
            "disk_grace_until",
            "exit_code",
            "crashing_since",
            "created_at",
            "operation",
        )

    def get_image_digest(self, instance: Instance) -> str | None:
        return instance.release.digest if instance.release else None

    def get_cpus(self, instance: Instance) -> float:
        return instance.cpu_millis / 1000

    @extend_schema_field(OperationSerializer(allow_null=True))
    def get_operation(self, instance: Instance) -> Any:
        newest = (
            Operation.objects.filter(subject_kind="instance", subject_id=instance.pk)
            .prefetch_related("steps__operation")
            .order_by("-created_at")
            .first()
        )
        return OperationSerializer(newest).data if newest else None
