"""API of a bot's last backup: who leaves can take the data along.

The bot's credentials are in it: members who only use or pay for the bot do not get it.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import Http404, StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from fleet import exports
from fleet.models import Backup
from tenants.api.access import TenantScoped
from tenants.policy import Right
from wopr.common.renderers import TarRenderer


class ExportSerializer(serializers.ModelSerializer[Backup]):
    slug = serializers.CharField(source="instance.slug")
    expires_at = serializers.DateTimeField(
        source="offered_until", allow_null=True, help_text="Null while the bot exists."
    )
    url = serializers.SerializerMethodField()

    class Meta:
        model = Backup
        fields = ("id", "instance", "slug", "size", "taken_at", "proven_at", "expires_at", "url")

    def get_url(self, backup: Backup) -> str:
        return reverse("export-content", args=[backup.instance.tenant_id, backup.pk])


class ExportListView(TenantScoped):
    """What can be downloaded now: of each bot the last backup that was proven."""

    right = Right.MANAGE

    @extend_schema(responses=ExportSerializer(many=True))
    def get(self, request: Request, **_: Any) -> Response:
        return Response(ExportSerializer(exports.offered(tenant=self.tenant), many=True).data)


class ExportContentView(TenantScoped):
    """The backup itself: a tar of everything that the bot kept in /data."""

    right = Right.MANAGE
    secret = True
    renderer_classes = (TarRenderer,)
    throttle_scope = "export"

    @extend_schema(responses={(200, "application/x-tar"): OpenApiTypes.BINARY})
    def get(self, request: Request, export_id: UUID, **_: Any) -> StreamingHttpResponse:
        found = [b for b in exports.offered(tenant=self.tenant) if b.pk == export_id]
        if not found:
            raise Http404
        answer = StreamingHttpResponse(
            _read(exports.content_of(found[0])), content_type=TarRenderer.media_type
        )
        answer["Content-Disposition"] = f'attachment; filename="{_filename(found[0])}"'
        answer["Cache-Control"] = "no-store"
        return answer


async def _read(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Piece by piece, in a thread: Django would read a plain iterator whole, into memory.

    When the reader goes away, so does the last reference to the pieces, and restic is ended.
    """
    read = sync_to_async(_next, thread_sensitive=False)
    while chunk := await read(chunks):
        yield chunk


def _next(chunks: Iterator[bytes]) -> bytes:
    return next(chunks, b"")


def _filename(backup: Backup) -> str:
    return f"{backup.instance.slug}-{backup.taken_at:%Y-%m-%d}.tar"
