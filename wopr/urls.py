"""Every address of the platform."""

from typing import Any

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from billing import webhooks
from dns import ask
from fleet.api.enrolment import RegisterNode
from fleet.api.views import FleetView
from gpu.api import register
from tenants import authenticator_picture
from tenants import webhooks as mail_webhooks
from tenants.single_sign_on import views as single_sign_on
from wopr import dashboard, exporting_api, formerly, health, metrics, previews, trail
from wopr.common.permissions import Public

api: list[Any] = [
    path("", include("tenants.api.urls")),
    path("", include("billing.api.urls")),
    path("", include("fleet.api.urls")),
    path("", include("gpu.api.urls")),
    path(
        "tenants/<uuid:tenant_id>/export",
        exporting_api.TenantExportView.as_view(),
        name="tenant-export",
    ),
    path("schema", SpectacularAPIView.as_view(permission_classes=(Public,)), name="schema"),
    path(
        "docs",
        SpectacularSwaggerSplitView.as_view(permission_classes=(Public,), url_name="schema"),
        name="docs",
    ),
]
handler400 = "wopr.failures.bad_request"
handler403 = "wopr.failures.permission_denied"
handler404 = "wopr.failures.not_found"
handler500 = "wopr.failures.server_error"
djstripe = (
    [path("<uuid:uuid>", webhooks.stripe_endpoint_webhook, name="djstripe_webhook_by_uuid")],
    "djstripe",
)
urlpatterns = [
    path("api/v1/", include(api)),
    path("api/health", health.health, name="health"),
    path("api/live", health.live, name="live"),
    path("api/ready", health.ready, name="ready"),
    path("api/webhook/stripe", webhooks.stripe_webhook, name="stripe-webhook"),
    path("api/webhook/stripe/", include(djstripe)),
    path("api/webhook/email", mail_webhooks.mail_webhook, name="mail-webhook"),
    path("accounts/sso/callback", single_sign_on.callback, name="single-sign-on"),
    path("accounts/app.svg", authenticator_picture.picture, name="authenticator-picture"),
    path("metrics", metrics.metrics, name="metrics"),
    path("_allauth/", include("allauth.headless.urls")),
    path(
        "admin/trail/<str:correlation_id>",
        admin.site.admin_view(trail.page),
        name="admin-trail",
    ),
    path("admin/samples", admin.site.admin_view(previews.page), name="admin-samples"),
    path(
        "admin/samples/letters/<slug:kind>",
        admin.site.admin_view(previews.letter),
        name="admin-sample-letter",
    ),
    path(
        "admin/samples/documents/<slug:kind>",
        admin.site.admin_view(previews.document),
        name="admin-sample-document",
    ),
    path("admin/", admin.site.urls),
    path("internal/gpu/register", register.register, name="gpu-register"),
    path("internal/nodes/register", RegisterNode.as_view(), name="node-register"),
    path("internal/edge/ask", ask.ask, name="edge-ask"),
    path("fleet", FleetView.as_view(), name="fleet"),
    re_path(r"^(trpc|fleet)(?:/(?P<procedure>.*))?$", formerly.gone, name="formerly"),
    re_path(r"^(?!api/|_allauth/|admin/|static/|internal/).*$", dashboard.shell, name="dashboard"),
]
