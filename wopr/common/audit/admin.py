"""The trail and the logbook as staff see them, and the trail as a spreadsheet."""

import csv
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.safestring import SafeString

from wopr.common.audit.models import AuditEntry, LogbookEntry, entries_about, person
from wopr.common.audit.watching import watched
from wopr.common.staff.links import belongs_to_all, correlation_link, named
from wopr.common.staff.looks import moment, mono, structure
from wopr.common.staff.pages import MachineOwned, StaffAdmin

COLUMNS = (
    "id",
    "at",
    "action",
    "model",
    "object_id",
    "actor",
    "address",
    "via",
    "reason",
    "correlation_id",
    "database_user",
    "before",
    "after",
)
# A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@admin.register(AuditEntry)
class AuditEntryAdmin(MachineOwned):
    list_display = ("when", "action", "model", "what", "actor", "reason", "via")
    list_filter = ("action", "at", "model")
    search_fields = ("object_id", "actor", "address", "reason", "via", "=correlation_id")
    actions_on_top = True
    actions = ("export",)
    fields = (
        "at",
        "action",
        "model",
        "what",
        "actor",
        "address",
        "via",
        "reason",
        "cause",
        "database_user",
        "was",
        "now_is",
    )

    @admin.action(description="Export as CSV")
    def export(self, request: HttpRequest, entries: QuerySet[AuditEntry]) -> StreamingHttpResponse:
        answer = StreamingHttpResponse(csv_lines(entries), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="audit.csv"'
        return answer

    @admin.display(description="at", ordering="id")
    def when(self, entry: AuditEntry) -> SafeString | str:
        return moment(entry.at)

    @admin.display(description="object")
    def what(self, entry: AuditEntry) -> SafeString | str:
        return mono(entry.object_id)

    @admin.display(description="correlation")
    def cause(self, entry: AuditEntry) -> SafeString | str:
        return correlation_link(entry.correlation_id)

    @admin.display(description="before")
    def was(self, entry: AuditEntry) -> SafeString | str:
        return structure(entry.before)

    @admin.display(description="after")
    def now_is(self, entry: AuditEntry) -> SafeString | str:
        return structure(entry.after)


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """The entries, one a line, the oldest first."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in entries.order_by("id").values_list(*COLUMNS).iterator():
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


@admin.register(LogbookEntry)
class LogbookEntryAdmin(StaffAdmin):
    """Written once: what was wrong is put right by another entry."""

    list_display = ("happened_at", "kind", "title", "written_by")
    list_filter = ("kind", "happened_at")
    search_fields = ("title", "text", "written_by")
    fields = ("kind", "title", "text", "happened_at", "written_by", "written_at")
    readonly_fields = ("written_by", "written_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.written_by = person(request.user)
        super().save_model(request, obj, form, change)


@belongs_to_all("Changes", more="model={label}&object_id={pk}")
def _changes_of(row: Model) -> QuerySet[AuditEntry] | None:
    labels = {table.label for table in watched()}
    return entries_about(row) if row._meta.label in labels else None


def _in_a_line(entry: AuditEntry) -> str:
    columns = ", ".join(sorted(entry.after or {})) if entry.action == "update" else ""
    return f"{entry.at:%Y-%m-%d %H:%M} {entry.get_action_display()} {columns} by {entry.actor}"


named(AuditEntry, _in_a_line)
