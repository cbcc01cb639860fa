"""Nodes, and what staff do with them: close, open, drain and give up."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from fleet import upkeep
from fleet.models import Instance, Node
from wopr.common.staff.looks import EMPTY, moment, pill
from wopr.common.staff.pages import ReasonForm, StaffAdmin, confirmed
from wopr.common.templatetags.figures import memory


@admin.register(Node)
class NodeAdmin(StaffAdmin):
    """Machines that host bots. Switch one off here and it gets no further bots."""

    list_display = ("name", "state", "address", "accepts_instances", "used", "room", "seen")
    list_filter = ("accepts_instances",)
    search_fields = ("name", "address", "engine_url")
    readonly_fields = ("id", "state", "seen", "silent", "used", "created_at", "updated_at")
    actions_detail = ("close", "open_again", "drain", "evacuate")
    fieldsets = (
        (None, {"fields": ("name", "state", "accepts_instances", "maintenance_because")}),
        ("Reach", {"fields": ("engine_kind", "engine_url", "address", "seen", "silent")}),
        ("Whom to trust", {"fields": ("tls_ca", "tls_certificate", "ssh_host_key")}),
        ("Room", {"fields": ("region", "memory_mb", "used")}),
        ("Record", {"fields": ("id", "created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Node]:
        """Without the keys: no page shows them, so none is decrypted."""
        alive = ~Q(instances__status=Instance.Status.TERMINATED)
        reserved = Coalesce(Sum("instances__memory_mb", filter=alive), 0)
        nodes = super().get_queryset(request).defer("tls_key", "ssh_key")
        return nodes.annotate(reserved=reserved)  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The name is how `node_add` finds the row again; closing wants a reason."""
        fixed = (*self.readonly_fields, "maintenance_because")
        return (*fixed, "name") if obj else fixed

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A machine leaves by an operation that empties it first."""
        return False

    @confirmed(
        "Begin maintenance",
        icon="construction",
        ask="Place nothing new on this machine?",
        effects="Bots that are there go on. Those that fail and are set up again stay there too.",
        form=ReasonForm,
    )
    def close(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        node, because = _node(object_id), form.cleaned_data["note"]
        return self.carry_out(
            request,
            node,
            lambda: upkeep.node_maintenance_begin(node=node, because=because),
            f"Nothing new is placed on {node} until maintenance ends.",
        )

    @confirmed(
        "End maintenance",
        icon="task_alt",
        ask="Open this machine again?",
        effects="New bots and bots that move may be placed on it.",
    )
    def open_again(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        node = _node(object_id)
        return self.carry_out(
            request,
            node,
            lambda: upkeep.node_maintenance_end(node=node, cause=self.cause_of(request)),
            f"{node} takes bots again.",
        )

    @confirmed(
        "Drain",
        icon="move_down",
        ask="Move every bot away from this machine?",
        effects="It is closed. Each bot is stopped for as long as its data is copied, and runs on "
        "at another machine; one whose move fails stays. Drain again for bots that were busy.",
        form=ReasonForm,
    )
    def drain(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        node, because = _node(object_id), form.cleaned_data["note"]
        return self.carry_out(
            request,
            node,
            lambda: upkeep.node_drain(node=node, because=because, cause=self.cause_of(request)),
            f"{node} is closed, and its bots move away; their operations show how far they are.",
        )

    @confirmed(
        "Evacuate",
        icon="emergency_share",
        ask="Give this dead machine up?",
        effects="Its bots are restored elsewhere from their last proven backups: what is newer is "
        "lost to them. `manage.py node_evacuate NAME --dry-run` says first who fits where. If the "
        "machine returns, its old bots are stopped and their data is kept until somebody removes "
        "it. Refused while the machine answers.",
        proof=True,
    )
    def evacuate(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        node = _node(object_id)
        return self.carry_out(
            request,
            node,
            lambda: upkeep.node_evacuate(node=node, cause=self.cause_of(request)),
            f"The bots of {node} are being restored elsewhere, as far as there is room and backup.",
        )

    @admin.display(description="state")
    def state(self, node: Node) -> SafeString:
        if node.unreachable_since:
            return pill("away")
        if node.maintenance_because:
            return pill("maintenance")
        return pill("answers" if node.seen_at else "unseen")

    @admin.display(description="answered", ordering="seen_at")
    def seen(self, node: Node) -> SafeString | str:
        return moment(node.seen_at) or EMPTY

    @admin.display(description="silent since")
    def silent(self, node: Node) -> SafeString | str:
        return moment(node.unreachable_since)

    @admin.display(description="memory reserved")
    def used(self, node: Any) -> str:
        return memory(getattr(node, "reserved", 0))

    @admin.display(description="memory in all", ordering="memory_mb")
    def room(self, node: Node) -> str:
        return memory(node.memory_mb)


def _node(object_id: str) -> Node:
    return get_object_or_404(Node, pk=object_id)
