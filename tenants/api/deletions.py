"""API of leaving for good: a tenant, or one's own account, deleted after a time to think."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import deletions
from tenants.api.access import Ruled, TenantScoped
from tenants.models import Deletion
from tenants.policy import Right
from wopr.common.errors import Refused


class DeletionSerializer(serializers.Serializer[Any]):
    asked_at = serializers.DateTimeField(source="created_at", allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True, help_text="Until then it is taken back.")


class _Leaving:
    """What the two have in common: `found()` is what is open, if anything is."""

    def found(self) -> Deletion | None:
        raise NotImplementedError

    def shown(self, status_code: int = status.HTTP_200_OK) -> Response:
        nothing = {"created_at": None, "due_at": None}
        return Response(DeletionSerializer(self.found() or nothing).data, status=status_code)

    def withdraw(self) -> Response:
        found = self.found()
        if found is None:
            raise Refused("no_deletion", "Nothing is to be deleted.", status=409)
        deletions.deletion_withdraw(deletion=found)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TenantDeletionView(_Leaving, TenantScoped):
    """Whether a tenant is to be deleted, and when; both values are null while it stays."""

    right: ClassVar = {"GET": Right.SEE, "POST": Right.OWN, "DELETE": Right.OWN}

    def found(self) -> Deletion | None:
        return Deletion.objects.open().filter(tenant=self.tenant).first()

    @extend_schema(responses=DeletionSerializer)
    def get(self, request: Request, **_: Any) -> Response:
        return self.shown()

    @extend_schema(request=None, responses={201: DeletionSerializer})
    def post(self, request: Request, **_: Any) -> Response:
        """Has it deleted, with its bots, when the time to take that back is over."""
        deletions.tenant_deletion_ask(tenant=self.tenant)
        return self.shown(status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **_: Any) -> Response:
        """Takes that back."""
        return self.withdraw()


class AccountDeletionView(_Leaving, Ruled):
    """Whether one's own account is to be deleted, and when; both values are null while it stays."""

    right: ClassVar = {"GET": Right.SELF, "POST": Right.ERASE, "DELETE": Right.SELF}

    def found(self) -> Deletion | None:
        return Deletion.objects.open().filter(user__pk=self.request.user.pk or 0).first()

    @extend_schema(responses=DeletionSerializer)
    def get(self, request: Request) -> Response:
        return self.shown()

    @extend_schema(request=None, responses={201: DeletionSerializer})
    def post(self, request: Request) -> Response:
        """Has the account and its personal tenants deleted; organisations are given away before."""
        deletions.account_deletion_ask(user=request.user)  # type: ignore[arg-type]
        return self.shown(status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Takes that back, for the personal tenants too."""
        return self.withdraw()
