"""How a request is let in: by the right that its view declares."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.models import ApiKey, Tenant
from tenants.policy import WANT_PROOF, Caller, Right, scope_for
from wopr.common.proof import is_fresh

Row = TypeVar("Row", bound=Model)
# Where somebody signs in, or proves anew who they are, and is led on from.
_PAGES = {"not_authenticated": "/login", "proof_required": "/account/prove"}


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
        if view.secret and hasattr(request, "impersonation"):
            raise PermissionDenied("This is for the customer alone.", code="impersonating")
        if _wants_proof(view, method, right) and request.auth is None and not is_fresh(request):
            raise PermissionDenied("Prove first that it is you.", code="proof_required")
        return True


class Ruled(APIView):
    """A view that says which right each of its methods needs."""

    permission_classes = (Allowed,)
    # One for all methods, or one for each.
    right: ClassVar[Right | Mapping[str, Right] | None] = None
    # Whether reading it, too, is only for who has proved a moment ago who they are.
    secret: ClassVar[bool] = False

    def handle_exception(self, exc: Exception) -> Response:
        """Leads a browser that followed a link to a download to where it gets what it lacks."""
        answer = super().handle_exception(exc)
        reads = self.secret and "text/html" in self.request.headers.get("Accept", "")
        page = _PAGES.get(answer.data["code"]) if reads else None
        if page is None:
            return answer
        where = f"{page}?{urlencode({'next': self.request.path})}"
        return Response(status=302, headers={"Location": where})

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


def _wants_proof(view: Any, method: str, right: Right) -> bool:
    """What a key may open at all it opens without: whoever made it has proved who they are."""
    return view.secret or (method not in SAFE_METHODS and right in WANT_PROOF)


def _what_is_missing(right: Right) -> str:
    scope = scope_for(right)
    if not scope:
        return "No key may do this: sign in."
    return f"This key lacks the scope “{scope}”."
