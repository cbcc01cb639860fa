"""GPU nodes: how they boot, how their services do, and what is done about them."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from gpu import services
from gpu.models import BootReport, GpuNode, Remedy, Service, ServiceChange
from gpu.readings import Stretch, stretches_of
from wopr.common.staff.charts import Chart, Frame
from wopr.common.staff.links import belongs_to, link, refers
from wopr.common.staff.looks import EMPTY, moment, mono, pill
from wopr.common.staff.pages import MachineOwned, ReadOnlyInline, confirmed

refers("gpu_node", GpuNode)
SHOWN = timedelta(days=1)


class OrderForm(BaseDialogForm):  # type: ignore[misc]
    """Where, and how large."""

    provider = forms.CharField(initial="digitalocean", widget=UnfoldAdminTextInputWidget)
    region = forms.CharField(widget=UnfoldAdminTextInputWidget, help_text="For example tor1.")
    size = forms.CharField(
        widget=UnfoldAdminTextInputWidget, help_text="One with a GPU, as under Fleet, Offers."
    )
    image = forms.CharField(
        widget=UnfoldAdminTextInputWidget,
        required=False,
        help_text="One that Fleet, Providers names; what WOPR_GPU_IMAGE says, if left empty.",
    )


class ServiceInline(ReadOnlyInline):
    model = Service
    fields = ("kind", "port", "state", "since", "probed_at", "proven_at", "latency_ms", "error")
    readonly_fields = fields


class ReportInline(ReadOnlyInline):
    model = BootReport
    fields = ("stage", "event", "received_at", "log")
    readonly_fields = fields


@admin.register(GpuNode)
class GpuNodeAdmin(MachineOwned):
    """Machines that serve inference."""

    change_form_outer_before_template = "admin/gpu_watching.html"
    list_display = ("name", "boot", "serving", "reach", "server_link", "since")
    list_filter = ("stage", "accepts_requests")
    search_fields = ("name", "id", "address")
    list_select_related = ("server",)
    actions_list = ("order",)
    actions_detail = ("reboot", "give_back")
    inlines = (ServiceInline, ReportInline)
    fieldsets = (
        (None, {"fields": ("name", "boot", "since", "failure", "serving", "accepts_requests")}),
        ("Machine", {"fields": ("reach", "server_link")}),
        ("Record", {"fields": ("id", "created_at", "updated_at")}),
    )

    def panel_context(self, row: GpuNode) -> dict[str, Any]:
        return {**super().panel_context(row), "charts": _charts(row)}

    @confirmed(
        "Order a GPU node",
        icon="add_circle",
        ask="Order a GPU node?",
        effects="The machine costs money from now until it is given back. One whose boot fails is "
        "given back by itself.",
        form=OrderForm,
    )
    def order(self, request: HttpRequest, form: Any) -> HttpResponse:
        wishes = form.cleaned_data
        return self.carry_out_new(
            request,
            lambda: services.gpu_provision(
                provider=wishes["provider"],
                region=wishes["region"],
                size=wishes["size"],
                image=wishes["image"],
                cause=self.cause_of(request),
            ),
            "The node is ordered; its server's newest operation shows how far it is.",
        )

    @confirmed(
        "Reboot",
        icon="restart_alt",
        ask="Reboot this node?",
        effects="Requests under way on it are lost; others go to other nodes meanwhile.",
    )
    def reboot(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        node = get_object_or_404(GpuNode.objects.select_related("server"), pk=object_id)
        return self.carry_out(
            request,
            node,
            lambda: services.gpu_reboot(node=node, cause=self.cause_of(request)),
            f"{node} is being rebooted.",
        )

    @confirmed(
        "Give back",
        icon="delete_forever",
        ask="Give this node back to its provider?",
        effects="The machine and its models are destroyed, for ever. No request goes to it from "
        "now on.",
        proof=True,
    )
    def give_back(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        node = get_object_or_404(GpuNode.objects.select_related("server"), pk=object_id)
        return self.carry_out(
            request,
            node,
            lambda: services.gpu_destroy(node=node, cause=self.cause_of(request)),
            f"{node} is being given back.",
        )

    @admin.display(description="boot", ordering="stage")
    def boot(self, node: GpuNode) -> SafeString:
        return pill(node.stage)

    @admin.display(description="since", ordering="stage_since")
    def since(self, node: GpuNode) -> SafeString | str:
        return moment(node.stage_since)

    @admin.display(description="services")
    def serving(self, node: GpuNode) -> str:
        states = [f"{s.kind} {s.state}" for s in node.services.all()]
        return ", ".join(states) or EMPTY

    @admin.display(description="address", ordering="address")
    def reach(self, node: GpuNode) -> SafeString | str:
        return mono(node.address) if node.address else EMPTY

    @admin.display(description="server")
    def server_link(self, node: GpuNode) -> SafeString | str:
        return link(node.server) if node.server else "made by hand"


def _charts(node: GpuNode) -> list[Chart]:
    frame = Frame(timezone.now() - SHOWN, SHOWN)
    return [
        chart
        for service in node.services.all()
        for chart in _two_charts(frame, service, stretches_of(service, since=frame.since))
    ]


def _two_charts(frame: Frame, service: Service, stretches: list[Stretch]) -> tuple[Chart, Chart]:
    ready = [(stretch.at, stretch.ready) for stretch in stretches]
    took = [(s.at, s.latency_ms) for s in stretches if s.latency_ms is not None]
    return (
        frame.chart(f"{service.kind} ready", ready, unit="%", limit=100),
        frame.chart(f"{service.kind} answers in", took, unit="ms"),
    )


@admin.register(Remedy)
class RemedyAdmin(MachineOwned):
    """What was done about services that do not work."""

    list_display = ("node", "what", "service", "begun", "ended", "outcome")
    list_filter = ("action", "created_at")
    search_fields = ("node__name", "reason", "outcome")
    list_select_related = ("node", "service__node")
    fields = (
        "node", "what", "service", "reason", "begun", "ended", "outcome", "operation",
        "replacement",
    )  # fmt: skip

    @admin.display(description="what", ordering="action")
    def what(self, remedy: Remedy) -> str:
        return remedy.get_action_display()

    @admin.display(description="begun", ordering="created_at")
    def begun(self, remedy: Remedy) -> SafeString | str:
        return moment(remedy.created_at)

    @admin.display(description="ended", ordering="ended_at")
    def ended(self, remedy: Remedy) -> SafeString | str:
        return moment(remedy.ended_at) or EMPTY


@admin.register(ServiceChange)
class ServiceChangeAdmin(MachineOwned):
    """The history of the services' states."""

    list_display = ("service", "before", "after", "reason", "happened_at")
    list_filter = ("after", "service__kind", "happened_at")
    list_select_related = ("service__node",)


@belongs_to(GpuNode, "Changes of its services")
def _changes(node: GpuNode) -> QuerySet[ServiceChange]:
    return ServiceChange.objects.filter(service__node=node)


@belongs_to(GpuNode, "Remedies", more="node__id__exact={pk}")
def _remedies(node: GpuNode) -> QuerySet[Remedy]:
    return node.remedies.select_related("service__node")
