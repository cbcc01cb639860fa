"""Holds and reprieves: what people decide about a tenant's service, each with its reason."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from billing import holds
from billing.models import Entitlement, Hold, Reprieve
from tenants.models import Tenant
from wopr.common.staff.links import belongs_to, link
from wopr.common.staff.looks import moment, pill
from wopr.common.staff.pages import MachineOwned, ReasonForm, confirmed


class HoldForm(ReasonForm):
    tenant = forms.ModelChoiceField(
        Tenant.objects.all(), to_field_name="slug", widget=UnfoldAdminTextInputWidget
    )
    reason = forms.ChoiceField(choices=Hold.Reason.choices, widget=UnfoldAdminSelectWidget)
    field_order = ("tenant", "reason", "note")


class ReprieveForm(ReasonForm):
    tenant = forms.ModelChoiceField(
        Tenant.objects.all(), to_field_name="slug", widget=UnfoldAdminTextInputWidget
    )
    until = forms.SplitDateTimeField(
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text="UTC. Empty: until somebody revokes it.",
    )
    field_order = ("tenant", "until", "note")


class Decision(MachineOwned):
    """A row that a person made with a reason, and that is taken back with another."""

    list_select_related = ("tenant",)

    @admin.display(description="tenant", ordering="tenant__slug")
    def tenant_link(self, row: Any) -> SafeString | str:
        return link(row.tenant)

    @admin.display(description="since", ordering="created_at")
    def since(self, row: Any) -> SafeString | str:
        return moment(row.created_at)


@admin.register(Hold)
class HoldAdmin(Decision):
    """Why services are suspended whatever was paid. A payment lifts none of these."""

    list_display = ("tenant_link", "reason", "state", "note", "placed_by", "since", "lifted")
    list_filter = ("reason", ("lifted_at", admin.EmptyFieldListFilter))
    search_fields = ("tenant__slug", "note", "placed_by")
    actions_list = ("place",)
    actions_detail = ("lift", "goodwill")
    fieldsets = (
        (None, {"fields": ("tenant_link", "reason", "state", "note", "placed_by", "since")}),
        ("Lifted", {"fields": ("lifted", "lifted_by", "lift_note")}),
    )

    @confirmed(
        "Place on hold",
        icon="gavel",
        ask="Suspend a tenant?",
        effects="All its bots stop and their names say so. It lasts until somebody lifts it; "
        "paying does not. Name the tenant by its short name.",
        form=HoldForm,
    )
    def place(self, request: HttpRequest, form: Any) -> HttpResponse:
        return self.carry_out_new(
            request,
            lambda: holds.hold_place(
                tenant=form.cleaned_data["tenant"],
                reason=form.cleaned_data["reason"],
                note=form.cleaned_data["note"],
                by=str(request.user),
            ),
            f"{form.cleaned_data['tenant']} is on hold; its bots are being stopped.",
        )

    @confirmed(
        "Lift",
        icon="lock_open",
        ask="Lift this hold?",
        effects="If nothing else speaks against it (another hold, an unpaid subscription), the "
        "tenant's bots start again.",
        form=ReasonForm,
    )
    def lift(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        hold = get_object_or_404(Hold, pk=object_id)
        return self.carry_out(
            request,
            hold,
            lambda: holds.hold_lift(
                hold=hold, note=form.cleaned_data["note"], by=str(request.user)
            ),
            f"The hold is lifted; the bots of {hold.tenant} return if nothing else holds them.",
        )

    @confirmed(
        "The refund was goodwill",
        icon="volunteer_activism",
        ask="Was this refund goodwill?",
        effects="The hold for the refund is lifted and does not come back. If nothing else speaks "
        "against it, the tenant's bots start again. For a refund still to be made, put "
        "wopr_goodwill=1 into its metadata at Stripe; then nothing is held.",
        form=ReasonForm,
        proof=True,
    )
    def goodwill(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        hold = get_object_or_404(Hold, pk=object_id)
        return self.carry_out(
            request,
            hold,
            lambda: holds.refund_forgive(
                hold=hold, note=form.cleaned_data["note"], by=str(request.user)
            ),
            f"The refund counts as goodwill; the bots of {hold.tenant} return if nothing else "
            "holds them.",
        )

    @admin.display(description="state")
    def state(self, hold: Hold) -> SafeString:
        return pill("lifted" if hold.lifted_at else "held")

    @admin.display(description="lifted", ordering="lifted_at")
    def lifted(self, hold: Hold) -> SafeString | str:
        return moment(hold.lifted_at)


@admin.register(Reprieve)
class ReprieveAdmin(Decision):
    """Time given to tenants who have not paid."""

    list_display = ("tenant_link", "ends", "note", "granted_by", "since", "revoked")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "until")
    search_fields = ("tenant__slug", "note", "granted_by")
    actions_list = ("grant",)
    actions_detail = ("revoke",)
    fieldsets = (
        (None, {"fields": ("tenant_link", "ends", "note", "granted_by", "since")}),
        ("Revoked", {"fields": ("revoked", "revoked_by", "revoke_note")}),
    )

    @confirmed(
        "Grant a reprieve",
        icon="hourglass_top",
        ask="Give a tenant more time?",
        effects="Its bots run although it has not paid, until the moment that you name. Holds are "
        "not touched. Name the tenant by its short name.",
        form=ReprieveForm,
    )
    def grant(self, request: HttpRequest, form: Any) -> HttpResponse:
        return self.carry_out_new(
            request,
            lambda: holds.reprieve_grant(
                tenant=form.cleaned_data["tenant"],
                until=form.cleaned_data["until"],
                note=form.cleaned_data["note"],
                by=str(request.user),
            ),
            f"{form.cleaned_data['tenant']} has more time.",
        )

    @confirmed(
        "Revoke",
        icon="hourglass_disabled",
        ask="Revoke this reprieve?",
        effects="The clock of the unpaid tenant counts again; if its time is over, its bots stop.",
        form=ReasonForm,
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        reprieve = get_object_or_404(Reprieve, pk=object_id)
        return self.carry_out(
            request,
            reprieve,
            lambda: holds.reprieve_revoke(
                reprieve=reprieve, note=form.cleaned_data["note"], by=str(request.user)
            ),
            f"The reprieve is revoked; {reprieve.tenant} stands as it has paid.",
        )

    @admin.display(description="until", ordering="until")
    def ends(self, reprieve: Reprieve) -> SafeString | str:
        return moment(reprieve.until) if reprieve.until else "it is revoked"

    @admin.display(description="revoked", ordering="revoked_at")
    def revoked(self, reprieve: Reprieve) -> SafeString | str:
        return moment(reprieve.revoked_at)


@belongs_to(Tenant, "Holds", more="tenant__id__exact={pk}")
def _holds_of(tenant: Tenant) -> QuerySet[Hold]:
    return tenant.holds.select_related("tenant")


@belongs_to(Tenant, "Reprieves", more="tenant__id__exact={pk}")
def _reprieves_of(tenant: Tenant) -> QuerySet[Reprieve]:
    return tenant.reprieves.select_related("tenant")


@belongs_to(Entitlement, "Holds")
def _holds_on(entitlement: Entitlement) -> QuerySet[Hold]:
    return Hold.objects.filter(tenant=entitlement.tenant_id).select_related("tenant")


@belongs_to(Entitlement, "Reprieves")
def _reprieves_for(entitlement: Entitlement) -> QuerySet[Reprieve]:
    return Reprieve.objects.filter(tenant=entitlement.tenant_id).select_related("tenant")
