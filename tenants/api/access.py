"""How a request is let in: by the right that its view declares."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from tenants.models import ApiKey, Tenant
from tenants.policy import WANT_PROOF, Caller, Right, scope_for
from wopr.common.proof import is_fresh

Row = TypeVar("Row", bound=Model)


def caller_of(request: Request) -> Caller:
    """Who asks, as the policy sees them."""
    return Caller(request.user, request.auth if isinstance(request.auth, ApiKey) else None)


class Allowed(BasePermission):
    """People who are signed in, and keys with the scope of the view's right."""

    def has_permission(self, request: Request, view: Any) -> bool:
        method = str(request.method)
        if not hasattr(view, method.lower()):
            return True  # and the answer is that there is no such method
        right = right_of(view, method)
        if right is None or not request.user.is_authenticated:
            return False
        if not caller_of(request).is_let(right):
            raise PermissionDenied(_what_is_missing(right), code="scope_missing")
        if method not in SAFE_METHODS and right in WANT_PROOF and not is_fresh(request):
            raise PermissionDenied("Prove first that it is you.", code="proof_required")
        return True


class Ruled(APIView):
    """A view that says which right each of its methods needs."""

    permission_classes = (Allowed,)
    # One for all methods, or one for each.
    right: ClassVar[Right | Mapping[str, Right] | None] = None

    @property
    def caller(self) -> Caller:
        return caller_of(self.request)

    def mine(self) -> QuerySet[Tenant]:
        """The tenants whose things this request may see at all."""
        return self.caller.tenants()

    def demand(self, tenant: Tenant) -> None:
        """Raises PermissionDenied unless the caller's role in it holds what this needs."""
        right = right_of(self, str(self.request.method))
        if right is None or not self.caller.may(right, tenant):
            raise PermissionDenied(f"Your role in {tenant.name} does not allow this.")

    def pick(self, model: type[Row], **which: Any) -> Row:
        """A row of a tenant of the caller's; to strangers there is none (404)."""
        rows = model._default_manager.select_related("tenant")
        open_to_me = rows.filter(tenant__in=self.mine())
        row = get_object_or_404(open_to_me, **which)
        self.demand(row.tenant)  # type: ignore[attr-defined]
        return row


class TenantScoped(Ruled):
    """A view below /tenants/{tenant_id}: the tenant is the caller's, or there is none (404)."""

    tenant: Tenant

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Finds the tenant before anything else is looked at, so that no view can forget to."""
        super().initial(request, *args, **kwargs)
        self.tenant = get_object_or_404(self.mine(), pk=kwargs["tenant_id"])
        if hasattr(self, str(request.method).lower()):
            self.demand(self.tenant)


def right_of(view: Any, method: str) -> Right | None:
    """What this method of the view needs; nothing is open that does not say so."""
    declared = getattr(view, "right", None)
    if not isinstance(declared, Mapping):
        return declared
    return declared.get({"HEAD": "GET", "OPTIONS": next(iter(declared))}.get(method, method))


def _what_is_missing(right: Right) -> str:
    scope = scope_for(right)
    if not scope:
        return "No key may do this: sign in."
    return f"This key lacks the scope “{scope}”."
