"""Renderers that let a view answer with something other than JSON."""

import json
from typing import Any

from rest_framework.renderers import BaseRenderer


class PdfRenderer(BaseRenderer):
    """Accepts application/pdf; errors are still told as JSON."""

    media_type = "application/pdf"
    format = "pdf"
    charset = None

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        return json.dumps(data).encode()
