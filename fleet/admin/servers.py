"""Servers that were bought, and who sells them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from fleet import own_machines, server_services
from fleet.models import CatalogueOffer, Node, Operation, ProviderChange, ProviderHealth, Server
from fleet.models import ServerMove as Move
from wopr.common.staff.links import belongs_to, link, refers
from wopr.common.staff.looks import EMPTY, moment, mono, pill
from wopr.common.staff.pages import MachineOwned, confirmed
from wopr.common.templatetags.figures import memory

refers("server", Server)


class SizeForm(BaseDialogForm):  # type: ignore[misc]
    """Which size a server is to have: one that its provider offers where it is."""

    size = forms.CharField(
        label="New size",
        max_length=64,
        widget=UnfoldAdminTextInputWidget,
        help_text="As the offers of its provider call it.",
    )


@admin.register(Server)
class ServerAdmin(MachineOwned):
    """Machines from providers, from the order until they are seen gone."""

    list_display = ("label", "state", "provider", "size", "region", "reach", "price", "since")
    list_filter = ("status", "provider", "region", "purpose")
    search_fields = ("id", "provider_id", "address", "size")
    list_select_related = ("node", "tenant")
    actions_detail = ("reboot", "resize", "give_back")
    fieldsets = (
        (None, {"fields": ("label", "state", "since", "reason", "node_link", "tenant_link")}),
        ("Provider", {"fields": ("provider", "region", "size", "machine", "reach")}),
        ("Room", {"fields": ("room", "cpus", "disk_gb", "fit")}),
        ("Cost", {"fields": ("price", "hourly", "currency")}),
        ("Record", {"fields": ("id", "created_at", "updated_at", "enrolled_at")}),
    )

    @confirmed(
        "Reboot",
        icon="restart_alt",
        ask="Reboot this server?",
        effects="Every bot on it stops and starts again with the machine.",
    )
    def reboot(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        server = get_object_or_404(Server, pk=object_id)
        return self.carry_out(
            request,
            server,
            lambda: server_services.server_reboot(server=server, cause=self.cause_of(request)),
            f"{server} is being rebooted; its newest operation shows how far it is.",
        )

    @confirmed(
        "Resize",
        icon="open_in_full",
        ask="Give this server another size?",
        effects="It is switched off meanwhile, and every bot on it with it; then it costs what the"
        " new size costs. Its disk stays as large as it is.",
        form=SizeForm,
        proof=True,
    )
    def resize(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        server = get_object_or_404(Server, pk=object_id)
        size, cause = form.cleaned_data["size"], self.cause_of(request)
        return self.carry_out(
            request,
            server,
            lambda: server_services.server_resize(server=server, size=size, cause=cause),
            f"{server} becomes a {size}; its newest operation shows how far it is.",
        )

    @confirmed(
        "Give back",
        icon="delete_forever",
        ask="Give this server back to its provider?",
        effects="The machine and everything on it is destroyed, for ever. A server that still has"
        " bots is refused: drain it first.",
        proof=True,
    )
    def give_back(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        server = get_object_or_404(Server, pk=object_id)
        return self.carry_out(
            request,
            server,
            lambda: server_services.server_destroy(server=server, cause=self.cause_of(request)),
            f"{server} is being given back; its newest operation shows how far it is.",
        )

    @admin.display(description="server")
    def label(self, server: Server) -> str:
        return server.name

    @admin.display(description="state", ordering="status")
    def state(self, server: Server) -> SafeString:
        return pill(server.status)

    @admin.display(description="since", ordering="status_since")
    def since(self, server: Server) -> SafeString | str:
        return moment(server.status_since)

    @admin.display(description="node")
    def node_link(self, server: Server) -> SafeString | str:
        return link(server.node) if server.node else EMPTY

    @admin.display(description="alone for")
    def tenant_link(self, server: Server) -> SafeString | str:
        return link(server.tenant) if server.tenant else EMPTY

    @admin.display(description="machine")
    def machine(self, server: Server) -> SafeString | str:
        return mono(server.provider_id)

    @admin.display(description="address", ordering="address")
    def reach(self, server: Server) -> SafeString | str:
        return mono(server.address)

    @admin.display(description="memory")
    def room(self, server: Server) -> str:
        return memory(server.memory_mb)

    @admin.display(description="fits its tenant's plan")
    def fit(self, server: Server) -> SafeString | str:
        return own_machines.remarks().get(server.pk, "well" if server.tenant else EMPTY)

    @admin.display(description="a month, before tax", ordering="monthly")
    def price(self, server: Server) -> str:
        return f"{server.monthly:.2f} {server.currency}"


@admin.register(ProviderHealth)
class ProviderAdmin(MachineOwned):
    """How the providers are, by the looks of every five minutes."""

    list_display = ("name", "condition", "reason", "changed", "looked", "latency_ms")
    list_filter = ("state",)
    search_fields = ("name", "reason")
    fields = (
        "name", "condition", "reason", "changed", "looked", "latency_ms", "requests_left",
        "machines_allowed", "catalogue_at", "bootable",
    )  # fmt: skip

    @admin.display(description="state", ordering="state")
    def condition(self, health: ProviderHealth) -> SafeString:
        return pill(health.state)

    @admin.display(description="since", ordering="since")
    def changed(self, health: ProviderHealth) -> SafeString | str:
        return moment(health.since) or EMPTY

    @admin.display(description="looked at", ordering="checked_at")
    def looked(self, health: ProviderHealth) -> SafeString | str:
        return moment(health.checked_at) or EMPTY

    @admin.display(description="images")
    def bootable(self, health: ProviderHealth) -> str:
        return ", ".join(sorted(health.images)) or EMPTY


@admin.register(CatalogueOffer)
class OfferAdmin(MachineOwned):
    """What can be bought, where, and at what price before tax."""

    list_display = ("provider", "size", "region", "room", "cpus", "disk_gb", "price", "available")
    list_filter = ("provider", "available", "region", "architecture")
    search_fields = ("size", "region", "gpu")
    actions_detail = ("order",)
    fields = (
        "provider", "size", "region", "room", "cpus", "disk_gb", "architecture", "gpu", "hourly",
        "price", "currency", "available", "previous_hourly", "price_changed_at", "seen_at",
    )  # fmt: skip

    def has_operate_permission(self, request: HttpRequest, row: Any = None) -> bool:
        """Ordering adds a server; an offer itself nobody changes."""
        return bool(request.user.has_perm("fleet.add_server"))

    @confirmed(
        "Order a server",
        icon="add_shopping_cart",
        ask="Order a server of this offer?",
        effects="It becomes a node of the pool. It costs what this page says from then on, until it"
        " is given back.",
        proof=True,
    )
    def order(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        offer = get_object_or_404(CatalogueOffer, pk=object_id)
        cause = self.cause_of(request)
        return self.carry_out(
            request,
            offer,
            lambda: server_services.server_request(
                provider=offer.provider, region=offer.region, size=offer.size, cause=cause
            ),
            f"{offer} is ordered; the newest of the servers shows how far it is.",
        )

    @admin.display(description="memory", ordering="memory_mb")
    def room(self, offer: CatalogueOffer) -> str:
        return memory(offer.memory_mb)

    @admin.display(description="a month", ordering="monthly")
    def price(self, offer: CatalogueOffer) -> str:
        return f"{offer.monthly:.2f} {offer.currency}"


@admin.register(Move)
class ServerMoveAdmin(MachineOwned):
    """The history of servers."""

    list_display = ("server", "before", "after", "cause", "reason", "at")
    list_filter = ("after",)
    search_fields = ("server__id", "cause", "reason")
    list_select_related = ("server",)


@admin.register(ProviderChange)
class ProviderChangeAdmin(MachineOwned):
    """The history of providers."""

    list_display = ("provider", "before", "after", "reason", "at", "told_at")
    list_filter = ("provider", "after")
    search_fields = ("provider__name", "reason")


@belongs_to(Server, "Operations", more="subject_id__exact={pk}")
def _operations_on(server: Server) -> QuerySet[Operation]:
    return Operation.objects.filter(subject_kind="server", subject_id=server.pk)


@belongs_to(Server, "History")
def _history_of(server: Server) -> QuerySet[Move]:
    return server.moves.select_related("server")


@belongs_to(Node, "Server")
def _server_of(node: Node) -> QuerySet[Server]:
    return Server.objects.filter(node=node)


@belongs_to(ProviderHealth, "History")
def _changes_of(health: ProviderHealth) -> QuerySet[ProviderChange]:
    return health.changes.all()
