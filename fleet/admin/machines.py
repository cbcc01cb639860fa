"""Nodes."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.safestring import SafeString

from fleet.models import Instance, Node
from wopr.common.staff.looks import moment
from wopr.common.staff.pages import StaffAdmin
from wopr.common.templatetags.figures import memory


@admin.register(Node)
class NodeAdmin(StaffAdmin):
    """Machines that host bots. Switch one off here and it gets no further bots."""

    list_display = ("name", "address", "accepts_instances", "used", "room", "created")
    list_filter = ("accepts_instances",)
    search_fields = ("name", "address", "engine_url")
    readonly_fields = ("id", "used", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "accepts_instances")}),
        ("Reach", {"fields": ("engine_url", "address")}),
        ("Room", {"fields": ("memory_mb", "used")}),
        ("Record", {"fields": ("id", "created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Node]:
        alive = ~Q(instances__status=Instance.Status.TERMINATED)
        reserved = Coalesce(Sum("instances__memory_mb", filter=alive), 0)
        return super().get_queryset(request).annotate(reserved=reserved)  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The name is how `node_add` finds the row again."""
        return (*self.readonly_fields, "name") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A machine leaves by an operation that empties it first."""
        return False

    @admin.display(description="memory reserved")
    def used(self, node: Any) -> str:
        return memory(getattr(node, "reserved", 0))

    @admin.display(description="memory in all", ordering="memory_mb")
    def room(self, node: Node) -> str:
        return memory(node.memory_mb)

    @admin.display(description="added", ordering="created_at")
    def created(self, node: Node) -> SafeString | str:
        return moment(node.created_at)
