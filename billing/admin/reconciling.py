"""Where Stripe and our rows disagree, and how far Stripe's list of events has been read."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from billing import services
from billing.models import EventCursor, Finding
from tenants.models import Tenant
from wopr.common.staff.links import belongs_to, reference_link, refers
from wopr.common.staff.looks import EMPTY, moment, pill
from wopr.common.staff.pages import MachineOwned, confirmed
from wopr.common.templatetags.figures import money

refers("tenant", Tenant)


@admin.register(Finding)
class FindingAdmin(MachineOwned):
    """Differences from Stripe that an audit found; open until one does not see them any more."""

    list_display = ("what", "subject_link", "worth", "state", "detail", "first", "last")
    list_filter = ("kind", ("resolved_at", admin.EmptyFieldListFilter))
    search_fields = ("subject", "detail")
    actions_detail = ("look_again",)
    fieldsets = (
        (None, {"fields": ("what", "subject_link", "state", "worth", "detail")}),
        ("Record", {"fields": ("first", "last", "resolved")}),
    )

    @confirmed(
        "Look again",
        icon="refresh",
        ask="Compare with Stripe again?",
        effects="A worker compares everything with Stripe now, then has Stripe's word decide for "
        "the tenants that differ: whoever paid gets a bot, whoever did not is suspended.",
    )
    def look_again(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        return self.carry_out(
            request,
            get_object_or_404(Finding, pk=object_id),
            services.audit_request,
            "A worker compares with Stripe; load the page again to see what is left.",
        )

    @admin.display(description="finding", ordering="kind")
    def what(self, finding: Finding) -> str:
        return finding.get_kind_display()

    @admin.display(description="of", ordering="subject")
    def subject_link(self, finding: Finding) -> SafeString | str:
        return reference_link(finding.subject)

    @admin.display(description="a month", ordering="amount")
    def worth(self, finding: Finding) -> str:
        return money(finding.amount, finding.currency) if finding.currency else EMPTY

    @admin.display(description="state")
    def state(self, finding: Finding) -> SafeString:
        return pill("settled" if finding.resolved_at else "differs")

    @admin.display(description="first seen", ordering="first_seen")
    def first(self, finding: Finding) -> SafeString | str:
        return moment(finding.first_seen)

    @admin.display(description="last seen", ordering="last_seen")
    def last(self, finding: Finding) -> SafeString | str:
        return moment(finding.last_seen)

    @admin.display(description="settled", ordering="resolved_at")
    def resolved(self, finding: Finding) -> SafeString | str:
        return moment(finding.resolved_at)


@admin.register(EventCursor)
class EventCursorAdmin(MachineOwned):
    """How far Stripe's list of events has been read, and how many webhooks it made up for."""

    list_display = ("name", "until", "ran", "recovered")
    fields = ("name", "until", "ran", "recovered")

    @admin.display(description="read until", ordering="read_until")
    def until(self, cursor: EventCursor) -> SafeString | str:
        return moment(cursor.read_until)

    @admin.display(description="last run", ordering="ran_at")
    def ran(self, cursor: EventCursor) -> SafeString | str:
        return moment(cursor.ran_at)


@belongs_to(Tenant, "Differences from Stripe")
def _findings_of(tenant: Tenant) -> QuerySet[Finding]:
    return Finding.objects.filter(subject=f"tenant:{tenant.pk}")
