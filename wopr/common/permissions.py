"""Who may call a view. Every view names its rule; a view without one is closed."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
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


class StaffRight(BasePermission):
    """Staff with the right that the view's `rights` names for the method, as in the admin."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method not in view.rights:
            raise MethodNotAllowed(method)
        user: Any = request.user
        return bool(user.is_active and user.is_staff and user.has_perm(view.rights[method]))
