"""Differences between the machines and the rows, and what staff do about them."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from fleet import upkeep
from fleet.models import Drift, Instance, Node
from fleet.progress import kind_title
from wopr.common.staff.links import belongs_to, link, refers
from wopr.common.staff.looks import block, moment, mono, pill
from wopr.common.staff.pages import MachineOwned, ReasonForm, confirmed

refers("drift", Drift)


class IgnoreForm(ReasonForm):
    days = forms.IntegerField(
        min_value=1, max_value=365, initial=7, widget=UnfoldAdminIntegerFieldWidget
    )
    field_order = ("days", "note")


@admin.register(Drift)
class DriftAdmin(MachineOwned):
    """What is on a machine and should not be, or is not and should."""

    list_display = ("what", "status", "resource", "node", "instance_link", "cost", "since", "last")
    list_filter = (("resolved_at", admin.EmptyFieldListFilter), "kind", "node")
    search_fields = ("resource", "instance__slug", "wanted", "seen")
    list_select_related = ("node", "instance")
    actions_detail = ("repair_now", "adopt", "ignore", "remove")
    fieldsets = (
        (None, {"fields": ("what", "status", "resource", "node", "instance_link", "cost")}),
        ("Difference", {"fields": ("wanted_text", "seen_text")}),
        ("Since", {"fields": ("since", "last", "gone", "ignored", "ignored_because")}),
        ("Repair", {"fields": ("repair_link",)}),
    )

    @confirmed(
        "Repair",
        icon="build",
        ask="Make it as the rows say?",
        effects="The bot's container is started, stopped or made anew, whichever is needed. Its "
        "data stays. Nothing is done that would lose data or touch what is not ours.",
    )
    def repair_now(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        drift = _drift(object_id)
        return self.carry_out(
            request,
            drift,
            lambda: upkeep.drift_repair(drift=drift, cause=self.cause_of(request)),
            "It is being repaired; the operation below shows how far it is.",
        )

    @confirmed(
        "Adopt",
        icon="approval",
        ask="Make the rows follow what is seen?",
        effects="A bot that somebody stopped counts as stopped, one that somebody started counts "
        "as running, and a digest that somebody chose becomes the one that it runs.",
    )
    def adopt(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        drift = _drift(object_id)
        return self.carry_out(
            request,
            drift,
            lambda: upkeep.drift_adopt(drift=drift, cause=self.cause_of(request)),
            "The rows follow what was seen; the next look at the machine settles the difference.",
        )

    @confirmed(
        "Ignore",
        icon="visibility_off",
        ask="Leave this as it is for a while?",
        effects="Until then it is neither repaired nor counted. It stays on the list.",
        form=IgnoreForm,
    )
    def ignore(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        drift = _drift(object_id)
        until = timezone.now() + timedelta(days=form.cleaned_data["days"])
        because = form.cleaned_data["note"]
        return self.carry_out(
            request,
            drift,
            lambda: upkeep.drift_ignore(drift=drift, until=until, because=because),
            f"It is left alone until {until:%Y-%m-%d}.",
        )

    @confirmed(
        "Remove",
        icon="delete_forever",
        ask="Remove it from the machine for good?",
        effects="A volume goes with all the data in it: see first that its bot runs elsewhere and "
        "misses nothing. Only what carries our label and has no place there is removed.",
        proof=True,
    )
    def remove(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        drift = _drift(object_id)
        return self.carry_out(
            request,
            drift,
            lambda: upkeep.drift_clean(drift=drift, cause=self.cause_of(request)),
            "It is being removed; the operation below shows how far it is.",
        )

    @admin.display(description="difference", ordering="kind")
    def what(self, drift: Drift) -> str:
        return drift.get_kind_display().lower()

    @admin.display(description="state", ordering="resolved_at")
    def status(self, drift: Drift) -> SafeString:
        if drift.resolved_at:
            return pill("resolved")
        ignored = drift.ignored_until is not None and drift.ignored_until > timezone.now()
        return pill("ignored" if ignored else "open_drift")

    @admin.display(description="bot", ordering="instance__slug")
    def instance_link(self, drift: Drift) -> SafeString | str:
        return link(drift.instance)

    @admin.display(description="cost a day", ordering="cost_per_day")
    def cost(self, drift: Drift) -> SafeString | str:
        return mono(f"{drift.cost_per_day:.2f} {drift.currency.upper()}")

    @admin.display(description="wanted")
    def wanted_text(self, drift: Drift) -> SafeString | str:
        return block(drift.wanted)

    @admin.display(description="seen")
    def seen_text(self, drift: Drift) -> SafeString | str:
        return block(drift.seen)

    @admin.display(description="since", ordering="first_seen_at")
    def since(self, drift: Drift) -> SafeString | str:
        return moment(drift.first_seen_at)

    @admin.display(description="last seen", ordering="last_seen_at")
    def last(self, drift: Drift) -> SafeString | str:
        return moment(drift.last_seen_at)

    @admin.display(description="seen gone")
    def gone(self, drift: Drift) -> SafeString | str:
        return moment(drift.resolved_at)

    @admin.display(description="ignored until")
    def ignored(self, drift: Drift) -> SafeString | str:
        return moment(drift.ignored_until)

    @admin.display(description="operation")
    def repair_link(self, drift: Drift) -> SafeString | str:
        return link(drift.repair, kind_title(drift.repair.kind)) if drift.repair else link(None)


def _drift(object_id: str) -> Drift:
    rows = Drift.objects.select_related("node", "instance__tenant")
    return get_object_or_404(rows, pk=object_id)


@belongs_to(Node, "Differences", more="node__id__exact={pk}")
def _differences_on(node: Node) -> Any:
    return node.drifts.filter(resolved_at=None)


@belongs_to(Instance, "Differences", more="instance__id__exact={pk}")
def _differences_of(instance: Instance) -> Any:
    return instance.drifts.filter(resolved_at=None)
