"""API of a bot's log: as it is written, and its last lines."""

from typing import Any
from uuid import UUID, uuid4

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from fleet.api.stream import event_stream
from fleet.api.watching import UNAVAILABLE, log_events
from fleet.gateways import lines as board
from fleet.models import Instance
from tenants.api.access import Ruled
from tenants.policy import Right
from wopr.common.errors import ProviderError, Refused
from wopr.common.renderers import EventStreamRenderer

USUAL, MOST = 200, 1000  # lines


class LineSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Stable; what Last-Event-ID takes.")
    at = serializers.CharField(help_text="When it was written, to the nanosecond.")
    text = serializers.CharField(help_text="Without control characters and secrets.")


class LogSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(("following", "stopped", "absent"))
    lines = LineSerializer(many=True)


class LinesWanted(serializers.Serializer[Any]):
    lines = serializers.IntegerField(min_value=1, max_value=MOST, default=USUAL)


class LogView(Ruled):
    """The last lines that a bot wrote, oldest first."""

    right = Right.WATCH

    @extend_schema(parameters=[LinesWanted], responses=LogSerializer)
    def get(self, request: Request, instance_id: UUID) -> Response:
        instance = self.pick(Instance, pk=instance_id)
        wanted = LinesWanted(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        try:
            state, found = board.read(instance.pk, wanted.validated_data["lines"])
        except ProviderError as error:
            raise _unavailable() from error
        return Response(LogSerializer({"state": state, "lines": found}).data)


class LogEventsView(Ruled):
    """The log as it is written, as server-sent events; resumable by Last-Event-ID."""

    right = Right.WATCH
    renderer_classes = (EventStreamRenderer, JSONRenderer)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="The id of the last line seen; only newer ones are sent.",
            )
        ],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    def get(self, request: Request, instance_id: UUID) -> StreamingHttpResponse:
        instance, seat = self.pick(Instance, pk=instance_id), uuid4().hex
        try:
            if not board.seat_take(instance.tenant_id, seat):
                raise Refused(
                    "too_many_watchers",
                    "Too many live logs of this tenant are open. Close one, then try again.",
                    status=429,
                )
        except ProviderError as error:
            raise _unavailable() from error
        after = board.valid_id(request.headers.get("Last-Event-ID", ""))
        return event_stream(log_events(instance.pk, instance.tenant_id, seat, after=after))


def _unavailable() -> Refused:
    return Refused("logs_unavailable", UNAVAILABLE, status=503)
