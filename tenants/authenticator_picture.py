"""The key for a new authenticator app as a QR code, since few people like to type it."""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET


@never_cache
@require_GET
def picture(request: HttpRequest) -> HttpResponse:
    """Shows the key that this session is being given, and none that is in use."""
    user: Any = request.user
    key = request.session.get(SECRET_SESSION_KEY) if user.is_authenticated else None
    if not key:
        raise Http404
    adapter = get_adapter()
    drawing = adapter.build_totp_svg(adapter.build_totp_url(user, key))
    return HttpResponse(drawing, content_type="image/svg+xml")
