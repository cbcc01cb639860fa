"""Deletions of tenants and accounts: asked for by customers, or by staff with a reason."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from tenants import deletions
from tenants.models import Deletion, Tenant, User
from wopr.common.staff.links import belongs_to, link
from wopr.common.staff.looks import moment, pill
from wopr.common.staff.pages import MachineOwned, ReasonForm, StaffAdmin, confirmed

EFFECTS = (
    "A letter goes out, and nothing renews any more. When the days of WOPR_DELETION_DAYS are over, "
    "bots are stopped and removed, backups are deleted and what is personal is erased; until then "
    "it can be taken back. Invoices and the audit trail stay."
)


class Deletable(StaffAdmin):
    """A page of what can be deleted for good: a tenant, or an account."""

    actions_detail: ClassVar[tuple[str, ...]] = ("delete_for_good",)

    @confirmed(
        "Delete for good",
        icon="person_remove",
        ask="Delete this for good?",
        effects=EFFECTS,
        form=ReasonForm,
        proof=True,
    )
    def delete_for_good(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        row = get_object_or_404(self.model, pk=unquote(object_id))
        reason = form.cleaned_data["note"]
        return self.carry_out(
            request, row, lambda: _ask(row, reason), f"{row} is to be deleted; a letter says when."
        )


def _ask(row: Any, reason: str) -> Deletion:
    if isinstance(row, Tenant):
        return deletions.tenant_deletion_ask(tenant=row, reason=reason)
    return deletions.account_deletion_ask(user=row, reason=reason)


@admin.register(Deletion)
class DeletionAdmin(MachineOwned):
    """What is to be deleted, and what was."""

    list_display = ("subject", "status", "asked", "due", "done", "reason")
    list_filter = (
        ("withdrawn_at", admin.EmptyFieldListFilter),
        ("done_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("tenant__slug", "user__email", "reason")
    list_select_related = ("tenant", "user")
    fields = ("subject", "tenant_link", "person", "status", "reason", "asked", "due", "done")
    actions_detail: ClassVar = ("take_back",)

    @confirmed(
        "Take back",
        icon="undo",
        ask="Take this deletion back?",
        effects="Everything stays; a subscription that was set to end because of it renews again. "
        "An account's personal tenants stay with it. A letter says so.",
        form=ReasonForm,
    )
    def take_back(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        row = get_object_or_404(Deletion, pk=unquote(object_id))
        return self.carry_out(
            request,
            row,
            lambda: deletions.deletion_withdraw(deletion=row),
            f"The {row} is taken back.",
        )

    @admin.display(description="state")
    def status(self, row: Deletion) -> SafeString:
        return pill(row.state)

    @admin.display(description="tenant")
    def tenant_link(self, row: Deletion) -> SafeString | str:
        return link(row.tenant)

    @admin.display(description="person")
    def person(self, row: Deletion) -> SafeString | str:
        return link(row.user)

    @admin.display(description="asked", ordering="created_at")
    def asked(self, row: Deletion) -> SafeString | str:
        return moment(row.created_at)

    @admin.display(description="due", ordering="due_at")
    def due(self, row: Deletion) -> SafeString | str:
        return moment(row.due_at)

    @admin.display(description="done", ordering="done_at")
    def done(self, row: Deletion) -> SafeString | str:
        return moment(row.done_at)


@belongs_to(Tenant, "Deletions")
def _of_tenant(tenant: Tenant) -> QuerySet[Deletion]:
    return Deletion.objects.select_related("tenant").filter(tenant=tenant)


@belongs_to(User, "Deletions")
def _of_user(user: User) -> QuerySet[Deletion]:
    return Deletion.objects.select_related("user").filter(user=user)
