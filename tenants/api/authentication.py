"""How a program says who it is: a key of a tenant, with a limit of its own on what it asks."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from tenants import keys
from tenants.models import ApiKey, User


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer wopr_…`."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = keys.key_find(text=text.strip())
        if key is None:
            raise AuthenticationFailed(
                "This key is unknown, was revoked or has expired.", code="key_refused"
            )
        return key.membership.user, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class KeyThrottle(SimpleRateThrottle):
    """What one key may ask; people and visitors have limits of their own."""

    scope = "key"

    def get_cache_key(self, request: Request, view: object) -> str | None:
        if not isinstance(request.auth, ApiKey):
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.auth.pk}
