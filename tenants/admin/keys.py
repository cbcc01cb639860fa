"""API keys of tenants: what they may, when they were used, and how one is ended."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from tenants import keys
from tenants.models import ApiKey, Tenant
from wopr.common.staff.links import belongs_to, link
from wopr.common.staff.looks import moment, mono
from wopr.common.staff.pages import MachineOwned, confirmed


@admin.register(ApiKey)
class ApiKeyAdmin(MachineOwned):
    list_display = ("name", "starts", "tenant", "made_by", "scopes", "expires", "used", "revoked")
    list_filter = ("expires_at", "revoked_at")
    search_fields = ("name", "hint", "membership__tenant__slug", "membership__user__email")
    list_select_related = ("membership__tenant", "membership__user")
    fields = ("name", "starts", "tenant", "made_by", "scopes", "expires", "used", "revoked")
    actions_detail: ClassVar = ("revoke",)

    @confirmed(
        "Revoke",
        icon="key_off",
        ask="Revoke this key?",
        effects="Whoever uses it is refused from this moment on. It cannot be taken back.",
    )
    def revoke(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        row = get_object_or_404(ApiKey, pk=unquote(object_id))
        return self.carry_out(
            request, row, lambda: keys.key_revoke(key=row), f"{row} opens nothing any more."
        )

    @admin.display(description="begins with")
    def starts(self, key: ApiKey) -> SafeString | str:
        return mono(key.hint)

    @admin.display(description="tenant")
    def tenant(self, key: ApiKey) -> SafeString | str:
        return link(key.membership.tenant)

    @admin.display(description="made by")
    def made_by(self, key: ApiKey) -> SafeString | str:
        return link(key.membership.user)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, key: ApiKey) -> SafeString | str:
        return moment(key.expires_at)

    @admin.display(description="last used", ordering="last_used_at")
    def used(self, key: ApiKey) -> SafeString | str:
        return moment(key.last_used_at)

    @admin.display(description="revoked", ordering="revoked_at")
    def revoked(self, key: ApiKey) -> SafeString | str:
        return moment(key.revoked_at)


@belongs_to(Tenant, "API keys")
def _keys_of(tenant: Tenant) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(membership__tenant=tenant)
