"""The inbox of Stripe's deliveries."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from djstripe.models import Event, WebhookEventTrigger

from billing import services
from wopr.common.staff.links import belongs_to, correlation_link
from wopr.common.staff.looks import EMPTY, block, moment, mono, pill, structure
from wopr.common.staff.pages import MachineOwned, confirmed


def state_of(trigger: Any) -> str:
    if not trigger.valid:
        return "refused"
    if trigger.processed:
        return "processed"
    return "erring" if trigger.exception else "queued"


@admin.register(WebhookEventTrigger)
class WebhookEventTriggerAdmin(MachineOwned):
    """Each delivery as it came, what became of it, and the error if something went wrong."""

    list_display = ("id", "kind", "status", "exception", "came", "remote_ip", "trace")
    list_filter = ("valid", "processed", "created")
    search_fields = ("body", "exception", "event__id")
    list_select_related = ("event",)
    actions_detail = ("process_again",)
    fieldsets = (
        (None, {"fields": ("kind", "status", "came", "trace")}),
        ("What went wrong", {"fields": ("exception", "trace_back")}),
        ("Delivery", {"fields": ("remote_ip", "sent_headers", "content")}),
    )

    @confirmed(
        "Process again",
        icon="replay",
        ask="Process this delivery again?",
        effects="A worker re-reads the tenant's subscription at Stripe, brings the entitlement up "
        "to date and stores the event. Doing it twice changes nothing more than doing it once.",
    )
    def process_again(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        trigger = get_object_or_404(WebhookEventTrigger, pk=object_id)
        return self.carry_out(
            request,
            trigger,
            lambda: services.webhook_process_again(trigger=trigger),
            "A worker processes the delivery now; load the page again to see how it went.",
        )

    @admin.display(description="event")
    def kind(self, trigger: Any) -> SafeString | str:
        body = trigger.json_body
        return mono(body.get("type", "")) if isinstance(body, dict) else EMPTY

    @admin.display(description="state")
    def status(self, trigger: Any) -> SafeString:
        return pill(state_of(trigger))

    @admin.display(description="came", ordering="created")
    def came(self, trigger: Any) -> SafeString | str:
        return moment(trigger.created)

    @admin.display(description="done because of it")
    def trace(self, trigger: Any) -> SafeString | str:
        body = trigger.json_body
        return correlation_link(str(body.get("id", ""))) if isinstance(body, dict) else EMPTY

    @admin.display(description="traceback")
    def trace_back(self, trigger: Any) -> SafeString | str:
        return block(trigger.traceback)

    @admin.display(description="headers")
    def sent_headers(self, trigger: Any) -> SafeString | str:
        return structure(trigger.headers)

    @admin.display(description="body")
    def content(self, trigger: Any) -> SafeString | str:
        body = trigger.json_body
        return structure(body) if body else block(trigger.body)


@belongs_to(WebhookEventTrigger, "Event")
def _event_in(trigger: Any) -> Any:
    return Event.objects.filter(id=trigger.event_id)
