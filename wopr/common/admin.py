"""Staff's pages of the platform itself: heartbeats, the schedule, groups of staff."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin

from wopr.common import breaker
from wopr.common.models import Alarm, Breaker, Heartbeat
from wopr.common.staff.looks import moment, mono
from wopr.common.staff.pages import MachineOwned, confirmed, replace_pages

# The schedule is code (wopr/schedule.py); its tables only say what beat made of it.
replace_pages(PeriodicTask, IntervalSchedule, CrontabSchedule, ClockedSchedule, SolarSchedule)
replace_pages(Group)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """Groups of staff, and what they may do."""


@admin.register(Heartbeat)
class HeartbeatAdmin(MachineOwned):
    list_display = ("name", "last_seen", "holder")
    fields = ("name", "holder", "last_seen", "seen_at")

    @admin.display(description="last seen", ordering="seen_at")
    def last_seen(self, heartbeat: Heartbeat) -> SafeString | str:
        return moment(heartbeat.seen_at)


@admin.register(Alarm)
class AlarmAdmin(MachineOwned):
    """What staff was told by e-mail, or will be once a mail server takes it."""

    list_display = ("subject", "raised", "sent", "error")
    search_fields = ("subject", "text")
    fields = ("subject", "text", "raised", "sent", "error")

    @admin.display(description="raised", ordering="created_at")
    def raised(self, alarm: Alarm) -> SafeString | str:
        return moment(alarm.created_at)

    @admin.display(description="sent", ordering="sent_at")
    def sent(self, alarm: Alarm) -> SafeString | str:
        return moment(alarm.sent_at)


@admin.register(Breaker)
class BreakerAdmin(MachineOwned):
    """Actions that were stopped because they would have hit too many tenants at once."""

    list_display = ("action", "stopped", "message", "approved", "approved_by")
    actions_detail = ("approve",)
    fields = ("action", "stopped", "message", "approved", "approved_by")

    @confirmed(
        "Approve for an hour",
        icon="lock_open",
        ask="Let this action go on?",
        effects="For an hour it may hit as many tenants as it wants: suspend them, end them or "
        "write to them. Look at the cause first; without approval it stays stopped.",
        proof=True,
    )
    def approve(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        row = get_object_or_404(Breaker, pk=unquote(object_id))
        return self.carry_out(
            request,
            row,
            lambda: breaker.approve(action=row.action, by=str(request.user)),
            f"“{row.action}” may go on for an hour.",
        )

    @admin.display(description="stopped", ordering="tripped_at")
    def stopped(self, row: Breaker) -> SafeString | str:
        return moment(row.tripped_at)

    @admin.display(description="approved until", ordering="approved_until")
    def approved(self, row: Breaker) -> SafeString | str:
        return moment(row.approved_until)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(MachineOwned):
    """What beat does, and when it last did."""

    list_display = ("name", "task_name", "interval", "enabled", "last_run", "total_run_count")
    list_filter = ("enabled",)
    search_fields = ("name", "task")
    list_select_related = ("interval", "crontab", "solar", "clocked")
    fields = (
        "name",
        "task_name",
        "interval",
        "enabled",
        "expire_seconds",
        "last_run",
        "total_run_count",
        "date_changed",
    )

    @admin.display(description="task", ordering="task")
    def task_name(self, task: Any) -> SafeString | str:
        return mono(task.task)

    @admin.display(description="last run", ordering="last_run_at")
    def last_run(self, task: Any) -> SafeString | str:
        return moment(task.last_run_at)
