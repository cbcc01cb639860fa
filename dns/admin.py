"""Staff's pages of the DNS records that WOPR wants."""

from django.contrib import admin
from django.utils.safestring import SafeString

from dns.models import Record
from wopr.common.staff.links import reference_link
from wopr.common.staff.looks import moment, mono, pill
from wopr.common.staff.pages import MachineOwned


@admin.register(Record)
class RecordAdmin(MachineOwned):
    """What should be published, and whether it was seen to be. Withdrawing is an operation."""

    list_display = ("host", "type", "target", "status", "owner_link", "seen")
    list_filter = ("state", "type", "zone")
    search_fields = ("name", "content", "owner", "provider_id")
    fieldsets = (
        (None, {"fields": ("host", "type", "target", "ttl", "status", "note", "owner_link")}),
        ("At the provider", {"fields": ("zone", "provider", "proxied", "seen")}),
        ("Record", {"fields": ("id", "created_at", "updated_at")}),
    )

    @admin.display(description="name", ordering="name")
    def host(self, record: Record) -> SafeString | str:
        return mono(record.name)

    @admin.display(description="content", ordering="content")
    def target(self, record: Record) -> SafeString | str:
        return mono(record.content)

    @admin.display(description="state", ordering="state")
    def status(self, record: Record) -> SafeString:
        return pill(record.state)

    @admin.display(description="belongs to", ordering="owner")
    def owner_link(self, record: Record) -> SafeString | str:
        return reference_link(record.owner)

    @admin.display(description="last seen", ordering="seen_at")
    def seen(self, record: Record) -> SafeString | str:
        return moment(record.seen_at)

    @admin.display(description="provider's id")
    def provider(self, record: Record) -> SafeString | str:
        return mono(record.provider_id)
