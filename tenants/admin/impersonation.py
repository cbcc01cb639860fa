"""Who of the staff looked as which customer, when and why."""

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.safestring import SafeString

from tenants.models import Impersonation, User
from wopr.common.staff.links import belongs_to, link
from wopr.common.staff.looks import moment, pill
from wopr.common.staff.pages import MachineOwned


@admin.register(Impersonation)
class ImpersonationAdmin(MachineOwned):
    list_display = ("by", "as_whom", "status", "began", "until", "ended", "reason")
    search_fields = ("staff__email", "person__email", "reason")
    list_select_related = ("staff", "person")
    fields = list_display

    @admin.display(description="by", ordering="staff__email")
    def by(self, row: Impersonation) -> SafeString | str:
        return link(row.staff)

    @admin.display(description="as", ordering="person__email")
    def as_whom(self, row: Impersonation) -> SafeString | str:
        return link(row.person)

    @admin.display(description="state")
    def status(self, row: Impersonation) -> SafeString:
        return pill(row.state)

    @admin.display(description="began", ordering="created_at")
    def began(self, row: Impersonation) -> SafeString | str:
        return moment(row.created_at)

    @admin.display(description="until", ordering="ends_at")
    def until(self, row: Impersonation) -> SafeString | str:
        return moment(row.ends_at)

    @admin.display(description="ended", ordering="ended_at")
    def ended(self, row: Impersonation) -> SafeString | str:
        return moment(row.ended_at)


@belongs_to(User, "Looked at by staff")
def _looks_at(person: User) -> QuerySet[Impersonation]:
    return Impersonation.objects.select_related("staff", "person").filter(person=person)
