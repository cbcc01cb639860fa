"""Renderers for views that answer with something other than JSON."""

from typing import Any

from rest_framework.renderers import JSONRenderer


class OtherThanJson(JSONRenderer):
    """Base: accepts its own media type, and tells errors as JSON all the same."""

    def render(
        self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None
    ) -> bytes:
        if renderer_context:
            renderer_context["response"]["Content-Type"] = JSONRenderer.media_type
        return super().render(data, JSONRenderer.media_type, renderer_context)


class PdfRenderer(OtherThanJson):
    media_type = "application/pdf"
    format = "pdf"


class TarRenderer(OtherThanJson):
    media_type = "application/x-tar"
    format = "tar"


class EventStreamRenderer(OtherThanJson):
    media_type = "text/event-stream"
    format = "events"
