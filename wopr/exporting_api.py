"""API of everything that is kept of a tenant: who leaves, or only asks, can take it along."""

from io import BytesIO
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from tenants.api.access import TenantScoped
from tenants.policy import Right
from wopr import exporting
from wopr.common.renderers import TarRenderer


class TenantExportView(TenantScoped):
    """A tar of what is known of the tenant, and of its documents. Bots' data have their own."""

    right = Right.MANAGE
    secret = True
    renderer_classes = (TarRenderer,)
    throttle_scope = "export"

    @extend_schema(responses={(200, "application/x-tar"): OpenApiTypes.BINARY})
    def get(self, request: Request, **_: Any) -> HttpResponse:
        file = BytesIO()
        exporting.tenant_export(tenant=self.tenant, file=file, with_backups=False)
        answer = HttpResponse(file.getvalue(), content_type=TarRenderer.media_type)
        answer["Content-Disposition"] = f'attachment; filename="{self.tenant.slug}.tar"'
        answer["Cache-Control"] = "no-store"
        return answer
