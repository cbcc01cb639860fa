"""Staff's pages of the DNS records that WOPR wants, and of the names that customers brought."""

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.safestring import SafeString

from dns.models import CustomDomain, Record
from tenants.models import Tenant
from wopr.common.staff.links import belongs_to, reference_link, refers
from wopr.common.staff.looks import moment, mono, pill, structure
from wopr.common.staff.pages import MachineOwned

refers("domain", CustomDomain)


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


@admin.register(CustomDomain)
class CustomDomainAdmin(MachineOwned):
    """Names that customers brought. Customers add and remove them; workers look at them."""

    list_display = ("host", "tenant", "owner_link", "status", "since_when", "checked")
    list_filter = ("state",)
    list_select_related = ("tenant",)
    search_fields = ("hostname", "tenant__slug", "owner")
    fieldsets = (
        (None, {"fields": ("host", "tenant", "owner_link", "status", "since_when")}),
        ("As public resolvers see it", {"fields": ("found", "misses", "checked", "next_check_at")}),
        ("Record", {"fields": ("target", "challenge", "id", "created_at", "updated_at")}),
    )

    @admin.display(description="name", ordering="hostname")
    def host(self, domain: CustomDomain) -> SafeString | str:
        return mono(domain.hostname)

    @admin.display(description="leads to", ordering="owner")
    def owner_link(self, domain: CustomDomain) -> SafeString | str:
        return reference_link(domain.owner)

    @admin.display(description="state", ordering="state")
    def status(self, domain: CustomDomain) -> SafeString:
        return pill(domain.state)

    @admin.display(description="since", ordering="since")
    def since_when(self, domain: CustomDomain) -> SafeString | str:
        return moment(domain.since)

    @admin.display(description="last look", ordering="checked_at")
    def checked(self, domain: CustomDomain) -> SafeString | str:
        return moment(domain.checked_at)

    @admin.display(description="missing or wrong")
    def found(self, domain: CustomDomain) -> SafeString | str:
        return structure(domain.findings)

    @admin.display(description="TXT record")
    def challenge(self, domain: CustomDomain) -> SafeString | str:
        return mono(f"{domain.challenge_name} {domain.challenge_value}")


@belongs_to(Tenant, "Custom domains", more="tenant__id__exact={pk}")
def _domains_of(tenant: Tenant) -> QuerySet[CustomDomain]:
    return tenant.domains.all()
