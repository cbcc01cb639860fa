"""Backups: what was copied, whether it was seen to restore, and since when it is gone."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from fleet.admin.operating import Restoring
from fleet.models import Backup, Instance, Operation, Variable
from fleet.progress import kind_title
from wopr.common.staff.links import belongs_to, link
from wopr.common.staff.looks import moment, mono, pill
from wopr.common.staff.pages import MachineOwned

SECRETS = ("credential_key", "manifest")


@admin.register(Backup)
class BackupAdmin(Restoring, MachineOwned):
    """Every backup of every bot, deleted ones included."""

    list_display = ("instance_link", "reason", "state", "bytes", "taken", "proven")
    list_filter = (
        "reason",
        ("proven_at", admin.EmptyFieldListFilter),
        ("forgotten_at", admin.EmptyFieldListFilter),
        "taken_at",
    )
    search_fields = ("id", "instance__slug", "instance__tenant__slug", "snapshot")
    list_select_related = ("instance",)
    actions_detail = Restoring.restoring_actions
    fieldsets = (
        (None, {"fields": ("instance_link", "reason", "state", "bytes", "operation_link")}),
        ("When", {"fields": ("taken", "proven", "forgotten")}),
        ("Record", {"fields": ("id", "snapshot_id", "created_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backup]:
        """Without what would be long or secret: no page shows it."""
        hidden = [f"instance__{name}" for name in ("platform_token", "credential_key")]
        return super().get_queryset(request).defer(*SECRETS, *hidden)  # type: ignore[no-any-return]

    @admin.display(description="bot", ordering="instance__slug")
    def instance_link(self, backup: Backup) -> SafeString | str:
        return link(backup.instance)

    @admin.display(description="state")
    def state(self, backup: Backup) -> SafeString:
        return pill(state_of(backup))

    @admin.display(description="size", ordering="size")
    def bytes(self, backup: Backup) -> str:
        return filesizeformat(backup.size)

    @admin.display(description="operation")
    def operation_link(self, backup: Backup) -> SafeString | str:
        return link(backup.operation, kind_title(backup.operation.kind))

    @admin.display(description="snapshot")
    def snapshot_id(self, backup: Backup) -> SafeString | str:
        return mono(backup.snapshot)

    @admin.display(description="taken", ordering="taken_at")
    def taken(self, backup: Backup) -> SafeString | str:
        return moment(backup.taken_at)

    @admin.display(description="seen to restore", ordering="proven_at")
    def proven(self, backup: Backup) -> SafeString | str:
        return moment(backup.proven_at)

    @admin.display(description="deleted", ordering="forgotten_at")
    def forgotten(self, backup: Backup) -> SafeString | str:
        return moment(backup.forgotten_at)


def state_of(backup: Backup) -> str:
    if backup.forgotten_at is not None:
        return "deleted"
    if backup.proven_at is not None:
        return "proven"
    return "unproven" if backup.taken_at else "unfinished"


@belongs_to(Instance, "Backups", more="instance__id__exact={pk}")
def _backups_of(instance: Instance) -> QuerySet[Backup]:
    return Backup.objects.defer(*SECRETS).filter(instance=instance)


@belongs_to(Instance, "Variables")
def _variables_of(instance: Instance) -> QuerySet[Variable]:
    return Variable.objects.defer("value", "proven").filter(instance=instance)


@belongs_to(Operation, "Backup")
def _backup_by(operation: Operation) -> QuerySet[Backup]:
    return Backup.objects.defer(*SECRETS).filter(operation=operation)
