"""Where Authentik sends people back to."""

from typing import Any

from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from wopr.common.audit.context import because


class AuthentikAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Believes an ID token that is signed, meant for us, and an answer to what was asked here."""

    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        from tenants.single_sign_on.provider import NONCE

        claims: dict[str, Any] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        expected = self.request.session.pop(NONCE, "")
        if not expected or not constant_time_compare(str(claims.get("nonce", "")), expected):
            raise OAuth2Error("the ID token answers another request")
        return claims

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """The ID token has to be there, and to speak of the one whom the user information tells."""
        login = super().complete_login(request, app, token, **kwargs)
        told = login.account.extra_data
        if told.get("id_token", {}).get("sub") != told.get("userinfo", {}).get("sub"):
            raise OAuth2Error("the ID token is missing, or speaks of somebody else")
        because("single sign-on")
        return login

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return str(request.build_absolute_uri(reverse("single-sign-on")))


def callback(request: HttpRequest) -> Any:
    """allauth's own view, with our adapter; nothing is here where it is not configured."""
    if not settings.WOPR_SINGLE_SIGN_ON:
        raise Http404
    return OAuth2CallbackView.adapter_view(AuthentikAdapter(request, "authentik"))(request)
