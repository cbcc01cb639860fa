"""API of ending to look as a customer; beginning it is the admin's."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import impersonating
from tenants.api.access import Ruled
from tenants.policy import Right


class ImpersonationView(Ruled):
    """What the caller's own session is in."""

    right = Right.SELF

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Goes back to being oneself; doing it again changes nothing."""
        chosen = request._request.session.pop(impersonating.SESSION_KEY, None)
        if chosen:
            impersonating.impersonation_end(
                impersonation_id=chosen,
                staff=request.user,  # type: ignore[arg-type]
            )
        return Response(status=status.HTTP_204_NO_CONTENT)
