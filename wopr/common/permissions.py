"""Who may call a view. It names a right (tenants/policy.py), or is staff's or Public, or closed."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request

from wopr.common.proof import has_second_factor, is_fresh

# Anybody may read it, signed in or not.
Public = AllowAny


class Closed(BasePermission):
    """The default: nobody. A view opens itself by naming its own permission classes."""

    def has_permission(self, request: Request, view: object) -> bool:
        return False


class StaffRight(BasePermission):
    """Staff with the right that the view's `rights` names for the method, as in the admin.

    In person: a key stands for a member of a tenant, also where that member is of the staff.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method not in view.rights:
            raise MethodNotAllowed(method)
        user: Any = request.user
        is_staff = user.is_active and user.is_staff and request.auth is None
        if is_staff and not has_second_factor(request):
            raise PermissionDenied("Give your second factor first.", code="second_factor_required")
        if is_staff and method == "DELETE" and not is_fresh(request):
            raise PermissionDenied("Prove first that it is you.", code="proof_required")
        return bool(is_staff and user.has_perm(view.rights[method]))
