"""Looking at the dashboard as a customer: begun with a reason, read-only, and over by itself.

Only the API is read as the customer. Sessions, second factors and the admin stay the staff's own.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from tenants.models import Impersonation, User
from wopr.common.errors import Refused
from wopr.common.problems import problem_body

# Where a session says which it is in.
SESSION_KEY = "impersonation"
API = "/api/v1/"
END = f"{API}impersonation"
RIGHT = "tenants.add_impersonation"
_READING = ("GET", "HEAD", "OPTIONS")


def impersonation_begin(*, staff: User, person: User, reason: str) -> Impersonation:
    """Raises Refused without the right, a reason, or a customer to look as."""
    if not staff.has_perm(RIGHT):
        raise Refused("permission_denied", "You may not look as a customer.", status=403)
    if person.is_staff or not person.is_active:
        raise Refused("not_a_customer", f"{person} is no customer.", status=409)
    if not reason.strip():
        raise Refused("note_missing", "Say why; the customer may ask.", field="note")
    ends_at = timezone.now() + timedelta(minutes=settings.WOPR_IMPERSONATION_MINUTES)
    return Impersonation.objects.create(
        staff=staff, person=person, reason=reason.strip(), ends_at=ends_at
    )


def impersonation_end(*, impersonation_id: UUID | str, staff: User) -> None:
    """Over from now on; doing it again changes nothing."""
    mine = Impersonation.objects.live().filter(pk=impersonation_id, staff=staff)
    mine.update(ended_at=timezone.now())


def impersonation_of(request: HttpRequest) -> Impersonation | None:
    """The one that the session is in, as long as both are still who they were."""
    chosen = request.session.get(SESSION_KEY)
    user: Any = request.user
    if chosen is None or not (user.is_authenticated and user.is_active and user.is_staff):
        return None
    live = Impersonation.objects.live().select_related("staff", "person")
    return live.filter(
        pk=chosen, staff=user, person__is_staff=False, person__is_active=True
    ).first()


class ImpersonationMiddleware:
    """Reads the API as the customer, and refuses to write as them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(API) and request.path_info != END:
            found = impersonation_of(request)
            if found is not None:
                return self._as_customer(request, found)
        return self.get_response(request)

    def _as_customer(self, request: HttpRequest, found: Impersonation) -> HttpResponse:
        if request.method not in _READING:
            text = f"You look as {found.person}, and change nothing. End that first."
            return JsonResponse(problem_body("impersonating", text), status=403)
        request.user = found.person
        request.impersonation = found  # type: ignore[attr-defined]
        return self.get_response(request)
