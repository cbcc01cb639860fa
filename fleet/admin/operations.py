"""Operations with their steps, live, and leaks."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.safestring import SafeString
from djstripe.models import Event

from billing.models import Checkout, Entitlement
from fleet import services
from fleet.models import Instance, Leak, Operation
from fleet.progress import kind_title, progress_of, step_title
from tenants.models import Message, Tenant
from wopr.common.staff.links import belongs_to, correlation_link, link, named, subject_link
from wopr.common.staff.looks import EMPTY, block, moment, mono, pill
from wopr.common.staff.pages import MachineOwned, confirmed

named(Operation, lambda operation: f"{kind_title(operation.kind)}, {operation.cause}")


@admin.register(Operation)
class OperationAdmin(MachineOwned):
    """Every change to the world: the page to look at when somebody asks why."""

    list_display = ("what", "subject", "tenant_link", "status", "tries", "reason", "begun", "ended")
    list_filter = ("state", "kind", "created_at")
    search_fields = ("id", "subject_id", "tenant__slug", "correlation_id", "cause", "error")
    list_select_related = ("tenant",)
    actions_detail = ("run_now",)
    change_form_outer_before_template = "admin/operation.html"
    fieldsets = (
        (None, {"fields": ("what", "subject", "tenant_link", "cause", "trace")}),
        ("Holder", {"fields": ("tries", "next_try", "lease", "fence", "revision")}),
        ("Record", {"fields": ("id", "begun", "started_at", "finished_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Operation]:
        slug = Instance.objects.filter(pk=OuterRef("subject_id")).values("slug")
        return super().get_queryset(request).annotate(subject_name=Subquery(slug))  # type: ignore[no-any-return]

    def get_custom_urls(self) -> tuple[Any, ...]:
        return (("<uuid:operation_id>/progress/", "fleet_operation_progress", self.progress),)

    def panel_context(self, row: Operation) -> dict[str, Any]:
        steps = [(step_title(row.kind, step.name), step) for step in row.steps.all()]
        return {"operation": row, "progress": progress_of(row), "steps": steps}

    def progress(self, request: HttpRequest, operation_id: UUID, **_: Any) -> HttpResponse:
        """The part of the page that changes, for htmx to fetch while the operation lives."""
        operation = get_object_or_404(Operation.objects.prefetch_related("steps"), pk=operation_id)
        return render(request, "admin/operation.html", self.panel_context(operation))

    @confirmed(
        "Run now",
        icon="play_arrow",
        ask="Run this operation now?",
        effects="A worker takes it up at once instead of at its next try. What a worker has in "
        "hand already is left alone, and an operation that ended is not run again.",
    )
    def run_now(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        operation = get_object_or_404(Operation, pk=object_id)
        return self.carry_out(
            request,
            operation,
            lambda: services.operation_wake(operation=operation),
            "A worker takes the operation up now.",
        )

    @admin.display(description="operation", ordering="kind")
    def what(self, operation: Operation) -> str:
        return kind_title(operation.kind)

    @admin.display(description="about")
    def subject(self, operation: Any) -> SafeString | str:
        name = getattr(operation, "subject_name", None)
        return subject_link(operation.subject_kind, operation.subject_id, name)

    @admin.display(description="tenant", ordering="tenant__slug")
    def tenant_link(self, operation: Operation) -> SafeString | str:
        return link(operation.tenant)

    @admin.display(description="state", ordering="state")
    def status(self, operation: Operation) -> SafeString:
        return pill(operation.state, at_work=True)

    @admin.display(description="taken up", ordering="attempts")
    def tries(self, operation: Operation) -> int:
        return operation.attempts

    @admin.display(description="error")
    def reason(self, operation: Operation) -> str:
        return operation.error[:80] or EMPTY

    @admin.display(description="opened", ordering="created_at")
    def begun(self, operation: Operation) -> SafeString | str:
        return moment(operation.created_at)

    @admin.display(description="ended", ordering="finished_at")
    def ended(self, operation: Operation) -> SafeString | str:
        return moment(operation.finished_at)

    @admin.display(description="next try")
    def next_try(self, operation: Operation) -> SafeString | str:
        return moment(operation.next_attempt_at if operation.is_live else None)

    @admin.display(description="held until")
    def lease(self, operation: Operation) -> SafeString | str:
        return moment(operation.lease_until)

    @admin.display(description="done together with")
    def trace(self, operation: Operation) -> SafeString | str:
        return correlation_link(operation.correlation_id)


@admin.register(Leak)
class LeakAdmin(MachineOwned):
    """What could not be removed, and what it costs until somebody has seen it gone."""

    list_display = ("resource", "status", "cost", "operation_link", "reason", "found", "gone")
    list_filter = (("resolved_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("resource", "reason", "operation__tenant__slug")
    list_select_related = ("operation",)
    actions_detail = ("seen_gone",)
    fieldsets = (
        (None, {"fields": ("resource", "status", "cost", "operation_link", "step")}),
        ("Why", {"fields": ("why", "found", "gone")}),
    )

    @confirmed(
        "Seen gone",
        icon="task_alt",
        ask="Have you seen that it is gone?",
        effects="Say so only after you looked where it was. The leak stops counting as a cost; its "
        "row stays on the books. Nothing outside is deleted by this.",
    )
    def seen_gone(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        leak = get_object_or_404(Leak, pk=object_id)
        return self.carry_out(
            request,
            leak,
            lambda: services.leak_resolve(leak=leak),
            f"{leak.resource} is off the books.",
        )

    @admin.display(description="state", ordering="resolved_at")
    def status(self, leak: Leak) -> SafeString:
        return pill("resolved" if leak.resolved_at else "leaking")

    @admin.display(description="cost a day", ordering="cost_per_day")
    def cost(self, leak: Leak) -> SafeString | str:
        return mono(f"{leak.cost_per_day:.2f} {leak.currency.upper()}")

    @admin.display(description="operation")
    def operation_link(self, leak: Leak) -> SafeString | str:
        return link(leak.operation, kind_title(leak.operation.kind))

    @admin.display(description="reason")
    def why(self, leak: Leak) -> SafeString | str:
        return block(leak.reason)

    @admin.display(description="found", ordering="created_at")
    def found(self, leak: Leak) -> SafeString | str:
        return moment(leak.created_at)

    @admin.display(description="seen gone", ordering="resolved_at")
    def gone(self, leak: Leak) -> SafeString | str:
        return moment(leak.resolved_at)


@belongs_to(Tenant, "Operations", more="tenant__id__exact={pk}")
def _operations_of(tenant: Tenant) -> QuerySet[Operation]:
    return tenant.operations.all()


@belongs_to(Operation, "Leaks")
def _leaks_of(operation: Operation) -> QuerySet[Leak]:
    return operation.leaks.all()


@belongs_to(Operation, "Set off by")
def _event_behind(operation: Operation) -> Any:
    return Event.objects.filter(id=operation.correlation_id)


@belongs_to(Operation, "Checkouts")
def _checkouts_behind(operation: Operation) -> QuerySet[Checkout]:
    return Checkout.objects.filter(tenant=operation.tenant_id).select_related("tenant", "plan")


@belongs_to(Operation, "Entitlement")
def _entitlement_behind(operation: Operation) -> QuerySet[Entitlement]:
    return Entitlement.objects.filter(tenant=operation.tenant_id).select_related("tenant")


@belongs_to(Operation, "Messages")
def _messages_of(operation: Operation) -> QuerySet[Message]:
    known = Message.objects.filter(correlation_id=operation.correlation_id)
    return known.defer("text", "html")


@belongs_to(Event, "Operations")
def _operations_after(event: Any) -> QuerySet[Operation]:
    return Operation.objects.filter(correlation_id=event.id)
