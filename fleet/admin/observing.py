"""What staff see of a bot over time: what it uses, what happened to it, and what it writes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.safestring import SafeString

from fleet import services
from fleet.gateways import lines as board
from fleet.models import Instance, InstanceEvent
from fleet.readings import Point, Reading, reading_of
from wopr.common.errors import ProviderError
from wopr.common.staff.charts import Chart, Frame
from wopr.common.staff.links import belongs_to, link
from wopr.common.staff.looks import EMPTY, moment, mono
from wopr.common.staff.pages import MachineOwned, StaffAdmin, confirmed

SHOWN = timedelta(days=1)
LINES = 200


class Watching(StaffAdmin):
    """The part of a bot's page that shows it at work."""

    change_form_outer_before_template = "admin/bot_watching.html"
    watching_actions = ("disk_grace",)

    def get_custom_urls(self) -> tuple[Any, ...]:
        return (("<uuid:instance_id>/log/", "fleet_instance_log", self.log),)

    def panel_context(self, row: Instance) -> dict[str, Any]:
        reading = reading_of(row, since=timezone.now() - SHOWN)
        return {**super().panel_context(row), "bot": row, "charts": _charts(row, reading)}

    def log(self, request: HttpRequest, instance_id: UUID, **_: Any) -> HttpResponse:
        """The last lines, for htmx to fetch again while the page shows them."""
        instance = get_object_or_404(Instance.objects.only("pk", "slug"), pk=instance_id)
        try:
            state, lines = board.read(instance.pk, LINES)
        except ProviderError:
            state, lines = "away", []
        context = {"bot": instance, "state": state, "lines": lines}
        return render(request, "admin/bot_log.html", context)

    @confirmed(
        "An hour to clean up",
        icon="cleaning_services",
        ask="Let this bot run for an hour on its full disk?",
        effects="It is started if it was stopped for its disk, so that its owner can delete what "
        "is not needed. When it is still full after the hour, it is stopped again.",
    )
    def disk_grace(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        instance = get_object_or_404(Instance, pk=object_id)
        return self.carry_out(
            request,
            instance,
            lambda: services.instance_disk_grace(
                instance=instance, cause=self.cause_of(request), by_staff=True
            ),
            f"{instance.slug} may run for an hour.",
        )


def _charts(bot: Instance, reading: Reading) -> list[Chart]:
    frame, megabyte = Frame(reading.since, SHOWN), 1024 * 1024

    def chart(title: str, value: Callable[[Point], float], unit: str, limit: float = 0) -> Chart:
        marks = [(point.at, value(point)) for point in reading.points]
        return frame.chart(title, marks, unit=unit, limit=limit)

    return [
        chart("CPU", lambda p: p.cpu_millis / 1000, "CPU", bot.cpu_millis / 1000),
        chart("Memory", lambda p: p.memory / megabyte, "MB", bot.memory_mb),
        chart("Received", lambda p: p.received_rate / 1000, "kB/s"),
        chart("Sent", lambda p: p.sent_rate / 1000, "kB/s"),
        chart("Disk", lambda p: (p.disk or 0) / 1e9, "GB", bot.disk_gb),
    ]


@admin.register(InstanceEvent)
class InstanceEventAdmin(MachineOwned):
    """Starts, ends and what else happened to bots."""

    list_display = ("what", "bot", "code", "about", "at")
    list_filter = ("kind", "happened_at")
    search_fields = ("instance__slug", "message")
    list_select_related = ("instance",)
    fields = ("what", "bot", "code", "about", "at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[InstanceEvent]:
        secrets = ("platform_token", "credential_key", "daemon_token")
        hidden = [f"instance__{name}" for name in secrets]
        return super().get_queryset(request).defer(*hidden)  # type: ignore[no-any-return]

    @admin.display(description="what", ordering="kind")
    def what(self, event: InstanceEvent) -> str:
        return event.get_kind_display()

    @admin.display(description="bot", ordering="instance__slug")
    def bot(self, event: InstanceEvent) -> SafeString | str:
        return link(event.instance)

    @admin.display(description="exit code", ordering="exit_code")
    def code(self, event: InstanceEvent) -> SafeString | str:
        return EMPTY if event.exit_code is None else mono(str(event.exit_code))

    @admin.display(description="about")
    def about(self, event: InstanceEvent) -> str:
        return event.message or EMPTY

    @admin.display(description="when", ordering="happened_at")
    def at(self, event: InstanceEvent) -> SafeString | str:
        return moment(event.happened_at)


@belongs_to(Instance, "Events", more="instance__id__exact={pk}")
def _events_of(instance: Instance) -> QuerySet[InstanceEvent]:
    return instance.events.all()
