"""The provider, under a name that allauth's registry finds."""

import secrets
from typing import Any

from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from tenants.single_sign_on.views import AuthentikAdapter

NONCE = "single_sign_on_nonce"


class AuthentikProvider(OpenIDConnectProvider):  # type: ignore[misc]
    id = "authentik"
    name = "Authentik"
    oauth2_adapter_class = AuthentikAdapter
    pkce_enabled_default = True
    supports_token_authentication = False

    def redirect(self, request: HttpRequest, process: str, **kwargs: Any) -> HttpResponse:
        """To the log-in page, with a number used once that the ID token has to bring back."""
        request.session[NONCE] = secrets.token_urlsafe(32)
        kwargs["auth_params"] = {"nonce": request.session[NONCE]}
        if process == "login" and request.user.is_authenticated:
            # Who proves anew that it is them is not let through by a session there.
            kwargs["auth_params"]["prompt"] = "login"
        answer: HttpResponse = super().redirect(request, process, **kwargs)
        return answer

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        """The dashboard's own page; it begins by a form, so that nobody is logged in by a link."""
        return "/login"

    def get_callback_url(self) -> str:
        return reverse("single-sign-on")


provider_classes = [AuthentikProvider]
