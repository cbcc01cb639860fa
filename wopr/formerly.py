"""Paths of the API that came before this one: gone for good, and each says what to call instead."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from wopr.common.problems import problem_body

# What the first word of a procedure (tenant.list, billing.portal) was about, and where that is now.
NOW = {
    "account": "/api/v1/me",
    "auth": "/_allauth/browser/v1/auth/session",
    "billing": "/api/v1/tenants/{tenant_id}/subscription",
    "bot": "/api/v1/instances/{instance_id}",
    "bots": "/api/v1/tenants/{tenant_id}/instances",
    "domain": "/api/v1/instances/{instance_id}/domains",
    "domains": "/api/v1/instances/{instance_id}/domains",
    "fleet": "/fleet",
    "health": "/api/health",
    "instance": "/api/v1/instances/{instance_id}",
    "instances": "/api/v1/tenants/{tenant_id}/instances",
    "operation": "/api/v1/operations/{operation_id}",
    "operations": "/api/v1/tenants/{tenant_id}/operations",
    "org": "/api/v1/tenants",
    "plan": "/api/v1/plans",
    "plans": "/api/v1/plans",
    "subscription": "/api/v1/tenants/{tenant_id}/subscription",
    "tenant": "/api/v1/tenants",
    "tenants": "/api/v1/tenants",
    "usage": "/api/v1/tenants/{tenant_id}/usage",
    "user": "/api/v1/me",
}
EVERYTHING = "/api/v1/docs"


@csrf_exempt
def gone(request: HttpRequest, procedure: str | None = None) -> HttpResponse:
    """410, with the path of the REST API that took the procedure's place."""
    # A batch names several, separated by commas; the first tells what the caller is about.
    word = (procedure or "").split(",")[0].replace("/", ".").split(".")[0]
    path = NOW.get(word.lower() or request.path_info.strip("/"), EVERYTHING)
    message = f"This API is gone. Use the REST API: {path} (all of it: {EVERYTHING})."
    body = problem_body("gone", message)
    return JsonResponse({**body, "path": path, "documentation": EVERYTHING}, status=410)
