"""The dashboard's shell: one page; everything in it comes from the API."""

from allauth.account.internal.stagekit import get_pending_stage
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe


@require_safe
@ensure_csrf_cookie
def shell(request: HttpRequest) -> HttpResponse:
    """Serves every page of the dashboard; the path is the client's to read."""
    context = {
        "csrf_cookie_name": settings.CSRF_COOKIE_NAME,
        "tenant_domain": settings.WOPR_TENANT_DOMAIN,
        "single_sign_on": settings.WOPR_SINGLE_SIGN_ON,
        "sign_in_waits": get_pending_stage(request) is not None,
        "version": settings.WOPR_VERSION,
    }
    return render(request, "dashboard/shell.html", context)
