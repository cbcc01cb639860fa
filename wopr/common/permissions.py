"""Who may call a view. Every view names its rule; a view without one is closed."""

from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request

# Anybody may read it, signed in or not.
Public = AllowAny
# Anybody who is signed in; what they see is bounded by `Tenant.objects.of(user)`.
SignedIn = IsAuthenticated


class Closed(BasePermission):
    """The default: nobody. A view opens itself by naming its own permission classes."""

    def has_permission(self, request: Request, view: object) -> bool:
        return False
