"""Releases, how they reach the bots, and who is left out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from fleet import release_services
from fleet.models import Operation, Release, Rollout, RolloutMember, TenantPin
from tenants.models import Tenant
from wopr.common.staff.links import anchor, belongs_to, change_url, link
from wopr.common.staff.looks import EMPTY, moment, mono, pill
from wopr.common.staff.pages import MachineOwned, ReadOnlyInline, ReasonForm, confirmed


def short(digest: str) -> str:
    return digest.rpartition("@")[2][:19]


@admin.register(Release)
class ReleaseAdmin(MachineOwned):
    """Image digests that were seen behind the moving tag."""

    list_display = ("short", "status", "image", "reason", "first_seen", "last_seen")
    list_filter = ("state", "image")
    search_fields = ("digest", "image")
    actions_detail = ("reconsider",)
    fields = ("image", "whole", "status", "reason", "first_seen", "last_seen")

    @confirmed(
        "Consider again",
        icon="replay",
        ask="Give this release another chance?",
        effects="It becomes a candidate. If it is behind the moving tag still, its rollout begins "
        "with the canaries.",
    )
    def reconsider(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        release = get_object_or_404(Release, pk=object_id)
        return self.carry_out(
            request,
            release,
            lambda: release_services.release_reconsider(release=release),
            "The release is a candidate again.",
        )

    @admin.display(description="digest", ordering="digest")
    def short(self, release: Release) -> SafeString | str:
        return mono(short(release.digest))

    @admin.display(description="digest")
    def whole(self, release: Release) -> SafeString | str:
        return mono(release.digest)

    @admin.display(description="state", ordering="state")
    def status(self, release: Release) -> SafeString:
        return pill(release.state)

    @admin.display(description="first seen", ordering="created_at")
    def first_seen(self, release: Release) -> SafeString | str:
        return moment(release.created_at)

    @admin.display(description="last seen", ordering="seen_at")
    def last_seen(self, release: Release) -> SafeString | str:
        return moment(release.seen_at)


class MemberInline(ReadOnlyInline):
    """The bots' turns."""

    model = RolloutMember
    fields = ("bot", "wave", "status", "reason", "how")
    readonly_fields = fields
    ordering = ("wave", "pk")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RolloutMember]:
        rows = super().get_queryset(request).select_related("instance")
        return rows.only(  # type: ignore[no-any-return]  # no secret of the bot is decrypted
            "wave", "state", "reason", "operation_id", "rollout_id", "instance__slug"
        )

    @admin.display(description="bot")
    def bot(self, member: RolloutMember) -> SafeString | str:
        return link(member.instance)

    @admin.display(description="state")
    def status(self, member: RolloutMember) -> SafeString:
        return pill(member.state)

    @admin.display(description="operation")
    def how(self, member: RolloutMember) -> SafeString | str:
        if member.operation_id is None:
            return EMPTY
        return anchor(change_url(Operation, member.operation_id), "its operation")


@admin.register(Rollout)
class RolloutAdmin(MachineOwned):
    """One release on its way to the bots: canaries, then waves."""

    list_display = ("release_link", "status", "wave", "bots", "reason", "begun", "ended")
    list_filter = ("state", "image")
    list_select_related = ("release",)
    actions_detail = ("pause", "go_on")
    inlines = (MemberInline,)
    fields = ("release_link", "image", "status", "wave", "reason", "begun", "ended")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rollout]:
        return super().get_queryset(request).annotate(members_count=Count("members"))  # type: ignore[no-any-return]

    @confirmed(
        "Pause",
        icon="pause",
        ask="Pause this rollout?",
        effects="No further update begins, and no newer release takes its place. Updates that are "
        "under way end.",
        form=ReasonForm,
    )
    def pause(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        rollout = get_object_or_404(Rollout, pk=object_id)
        reason = f"{request.user}: {form.cleaned_data['note']}"
        return self.carry_out(
            request,
            rollout,
            lambda: release_services.rollout_pause(rollout=rollout, reason=reason),
            "The rollout is paused.",
        )

    @confirmed(
        "Continue",
        icon="play_arrow",
        ask="Continue this rollout?",
        effects="It goes on where it was. Bots that went back stay where they are. A release that "
        "was taken for bad counts as a canary again.",
    )
    def go_on(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        rollout = get_object_or_404(Rollout, pk=object_id)
        return self.carry_out(
            request,
            rollout,
            lambda: release_services.rollout_continue(rollout=rollout),
            "The rollout goes on.",
        )

    @admin.display(description="release")
    def release_link(self, rollout: Rollout) -> SafeString | str:
        return link(rollout.release, mono(short(rollout.release.digest)))

    @admin.display(description="state", ordering="state")
    def status(self, rollout: Rollout) -> SafeString:
        return pill(rollout.state)

    @admin.display(description="bots")
    def bots(self, rollout: Any) -> int:
        return int(rollout.members_count)

    @admin.display(description="begun", ordering="created_at")
    def begun(self, rollout: Rollout) -> SafeString | str:
        return moment(rollout.created_at)

    @admin.display(description="ended", ordering="finished_at")
    def ended(self, rollout: Rollout) -> SafeString | str:
        return moment(rollout.finished_at)


class PinForm(ReasonForm):
    tenant = forms.ModelChoiceField(
        Tenant.objects.all(), to_field_name="slug", widget=UnfoldAdminTextInputWidget
    )
    field_order = ("tenant", "note")


@admin.register(TenantPin)
class TenantPinAdmin(MachineOwned):
    """Tenants whose bots no rollout touches."""

    list_display = ("tenant_link", "reason", "pinned_by", "since")
    search_fields = ("tenant__slug", "reason")
    list_select_related = ("tenant",)
    actions_list = ("pin_tenant",)
    actions_detail = ("unpin_tenant",)
    fields = ("tenant_link", "reason", "pinned_by", "since")

    @confirmed(
        "Pin a tenant",
        icon="keep",
        ask="Keep rollouts away from all bots of a tenant?",
        effects="Its bots stay on their releases until the pin is taken away.",
        form=PinForm,
    )
    def pin_tenant(self, request: HttpRequest, form: Any) -> HttpResponse:
        tenant, reason = form.cleaned_data["tenant"], form.cleaned_data["note"]
        return self.carry_out_new(
            request,
            lambda: release_services.tenant_pin(tenant=tenant, reason=reason, by=str(request.user)),
            f"No rollout touches the bots of {tenant} any more.",
        )

    @confirmed(
        "Unpin",
        icon="keep_off",
        ask="Let rollouts take this tenant's bots along again?",
        effects="The release that they missed comes to them by itself.",
    )
    def unpin_tenant(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        pin = get_object_or_404(TenantPin, pk=object_id)
        return self.carry_out_new(
            request,
            lambda: release_services.tenant_unpin(pin=pin),
            "Rollouts take the tenant's bots along again.",
        )

    @admin.display(description="tenant", ordering="tenant__slug")
    def tenant_link(self, pin: TenantPin) -> SafeString | str:
        return link(pin.tenant)

    @admin.display(description="since", ordering="created_at")
    def since(self, pin: TenantPin) -> SafeString | str:
        return moment(pin.created_at)


@belongs_to(Release, "Rollout")
def _rollout_of(release: Release) -> QuerySet[Rollout]:
    return Rollout.objects.filter(release=release).select_related("release")


@belongs_to(Tenant, "Pin of its releases")
def _pin_of(tenant: Tenant) -> QuerySet[TenantPin]:
    return TenantPin.objects.filter(tenant=tenant).select_related("tenant")
