"""API of a bot's variables. Values are taken, and never given back."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from fleet import services
from fleet.api.actions import validated
from fleet.api.serializers import OperationSerializer
from fleet.models import Instance, Variable
from tenants.api.access import Ruled
from tenants.policy import Right


class VariableSerializer(serializers.ModelSerializer[Variable]):
    applied = serializers.SerializerMethodField(help_text="Whether the bot was seen to run so.")

    class Meta:
        model = Variable
        fields = ("name", "applied", "updated_at")

    def get_applied(self, variable: Variable) -> bool:
        return bool(variable.value == variable.proven)


class VariableChangeSerializer(serializers.Serializer[Any]):
    values = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), default=dict
    )
    removed = serializers.ListField(child=serializers.CharField(), default=list)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not given["values"] and not given["removed"]:
            raise serializers.ValidationError("Name at least one variable to set or to remove.")
        return given


class VariableChangedSerializer(serializers.Serializer[Any]):
    variables = VariableSerializer(many=True)
    operation = OperationSerializer(allow_null=True)


class VariableListView(Ruled):
    """What was added to a bot's environment: names, and whether they are in use."""

    right: ClassVar = {"GET": Right.WATCH, "PATCH": Right.OPERATE}

    @extend_schema(responses=VariableSerializer(many=True))
    def get(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        return Response(VariableSerializer(_wanted(instance), many=True).data)

    @extend_schema(request=VariableChangeSerializer, responses={202: VariableChangedSerializer})
    def patch(self, request: Request, instance_id: UUID) -> Response:
        """Sets and removes some. A bot that is not healthy with them gets the earlier ones back."""
        instance = self.pick(Instance, pk=instance_id)
        operation = services.variables_change(
            instance=instance,
            cause=f"user: {request.user.pk}",
            **validated(VariableChangeSerializer, request),
        )
        answer = {"variables": _wanted(instance), "operation": operation}
        return Response(VariableChangedSerializer(answer).data, status=status.HTTP_202_ACCEPTED)


def _wanted(instance: Instance) -> list[Variable]:
    return [variable for variable in instance.variables.all() if variable.value]
