"""Bots and their routes, and what of dns and tenants is about a bot."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString

from billing.models import Entitlement
from dns.models import Record
from fleet import services
from fleet.admin.observing import Watching
from fleet.admin.operating import Operating
from fleet.admin.placing import Placing
from fleet.admin.updating import Updating
from fleet.models import Instance, Node, Operation, Release, Route
from fleet.models.drift import missed_now
from tenants.models import Document, Message, Tenant
from wopr.common.staff.links import belongs_to, link, refers
from wopr.common.staff.looks import EMPTY, moment, mono, outside, pill
from wopr.common.staff.pages import MachineOwned, confirmed
from wopr.common.templatetags.figures import cpus, memory

SECRETS = ("platform_token", "credential_key", "daemon_token")
refers("instance", Instance)


@admin.register(Instance)
class InstanceAdmin(Operating, Placing, Updating, Watching, MachineOwned):
    """Bots: what they should be, and what they were seen to be."""

    list_display = (
        "slug",
        "tenant_link",
        "state",
        "ready",
        "node_link",
        "memory",
        "healthy",
        "created",
    )
    list_filter = ("status", "provider_ready", "node", "created_at")
    search_fields = ("slug", "id", "tenant__slug", "tenant__name", "container_id")
    list_select_related = ("tenant", "node")
    actions_detail = (
        "set_up_again",
        *Operating.operating_actions,
        *Placing.placing_actions,
        *Watching.watching_actions,
        *Updating.updating_actions,
    )
    fieldsets = (
        (None, {"fields": ("slug", "state", "tenant_link", "address", "ready", "healthy")}),
        ("Runs", {"fields": ("node_link", "upstream", "container", "volume")}),
        (
            "Image",
            {"fields": ("image", "release_link", "earlier_release", "updates", "pinned_because")},
        ),
        ("Ends", {"fields": ("exit_code", "crash_loop")}),
        ("Limits", {"fields": ("memory", "cpu", "pids", "disk")}),
        ("Record", {"fields": ("id", "created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Instance]:
        """Without the secrets: no page shows them, so none is decrypted."""
        instances = super().get_queryset(request).defer(*SECRETS)
        return instances.annotate(missed_now=missed_now())  # type: ignore[no-any-return]

    @confirmed(
        "Set up again",
        icon="restart_alt",
        ask="Set this bot up again?",
        effects="A new operation goes through every step of setting it up, on whichever machine "
        "has room. Only a bot that failed is set up again.",
    )
    def set_up_again(self, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        instance = get_object_or_404(Instance.objects.select_related("tenant"), pk=object_id)
        return self.carry_out(
            request,
            instance,
            lambda: services.instance_retry(instance=instance, cause=self.cause_of(request)),
            f"{instance.slug} is being set up again; its newest operation shows how far it is.",
        )

    @admin.display(description="tenant", ordering="tenant__slug")
    def tenant_link(self, instance: Instance) -> SafeString | str:
        return link(instance.tenant)

    @admin.display(description="state", ordering="status")
    def state(self, instance: Instance) -> SafeString:
        return pill(instance.shown_status)

    @admin.display(description="has a provider", boolean=True, ordering="provider_ready")
    def ready(self, instance: Instance) -> bool | None:
        return instance.provider_ready

    @admin.display(description="node", ordering="node__name")
    def node_link(self, instance: Instance) -> SafeString | str:
        return link(instance.node)

    @admin.display(description="release")
    def release_link(self, instance: Instance) -> SafeString | str:
        return link(instance.release)

    @admin.display(description="address")
    def address(self, instance: Instance) -> SafeString | str:
        return outside(instance.url)

    @admin.display(description="published at")
    def upstream(self, instance: Instance) -> SafeString | str:
        return mono(instance.upstream)

    @admin.display(description="container")
    def container(self, instance: Instance) -> SafeString | str:
        return mono(f"{instance.container_name} {instance.container_id[:12]}".strip())

    @admin.display(description="volume")
    def volume(self, instance: Instance) -> SafeString | str:
        return mono(instance.volume_name)

    @admin.display(description="memory", ordering="memory_mb")
    def memory(self, instance: Instance) -> str:
        return memory(instance.memory_mb)

    @admin.display(description="CPUs")
    def cpu(self, instance: Instance) -> str:
        return cpus(instance.cpu_millis)

    @admin.display(description="disk")
    def disk(self, instance: Instance) -> str:
        if instance.disk_used is None:
            return f"{instance.disk_gb} GB"
        return f"{instance.disk_used / 1e9:.2f} of {instance.disk_gb} GB"

    @admin.display(description="seen healthy", ordering="healthy_at")
    def healthy(self, instance: Instance) -> SafeString | str:
        return moment(instance.healthy_at) or EMPTY

    @admin.display(description="made", ordering="created_at")
    def created(self, instance: Instance) -> SafeString | str:
        return moment(instance.created_at)


@admin.register(Route)
class RouteAdmin(MachineOwned):
    """What the edge serves under which name."""

    list_display = ("hostname", "instance_link", "target", "changed")
    search_fields = ("hostname", "upstream", "instance__slug")
    list_select_related = ("instance",)
    fields = ("hostname", "instance_link", "target", "created_at", "updated_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Route]:
        hidden = [f"instance__{name}" for name in SECRETS]
        return super().get_queryset(request).defer(*hidden)  # type: ignore[no-any-return]

    @admin.display(description="bot", ordering="instance__slug")
    def instance_link(self, route: Route) -> SafeString | str:
        return link(route.instance)

    @admin.display(description="upstream", ordering="upstream")
    def target(self, route: Route) -> SafeString | str:
        return mono(route.upstream)

    @admin.display(description="changed", ordering="updated_at")
    def changed(self, route: Route) -> SafeString | str:
        return moment(route.updated_at)


def _bots() -> QuerySet[Instance]:
    return Instance.objects.defer(*SECRETS)


@belongs_to(Tenant, "Bots", more="tenant__id__exact={pk}")
def _bots_of(tenant: Tenant) -> QuerySet[Instance]:
    return _bots().filter(tenant=tenant)


@belongs_to(Entitlement, "Bots")
def _bots_for(entitlement: Entitlement) -> QuerySet[Instance]:
    return _bots().filter(tenant=entitlement.tenant_id)


@belongs_to(Node, "Bots", more="node__id__exact={pk}")
def _bots_on(node: Node) -> QuerySet[Instance]:
    return _bots().filter(node=node)


@belongs_to(Release, "Bots that run it", more="release__id__exact={pk}")
def _bots_running(release: Release) -> QuerySet[Instance]:
    return _bots().filter(release=release)


@belongs_to(Instance, "Operations", more="subject_id__exact={pk}")
def _operations_on(instance: Instance) -> QuerySet[Operation]:
    return Operation.objects.filter(subject_kind="instance", subject_id=instance.pk)


@belongs_to(Instance, "Routes")
def _routes_to(instance: Instance) -> QuerySet[Route]:
    return instance.routes.all()


@belongs_to(Instance, "DNS records", more="owner__exact=instance:{pk}")
def _records_of(instance: Instance) -> QuerySet[Record]:
    return Record.objects.filter(owner=instance.reference)


@belongs_to(Instance, "Documents")
def _documents_about(instance: Instance) -> QuerySet[Document]:
    return Document.objects.defer("content").filter(cause=instance.reference)


@belongs_to(Instance, "Messages")
def _messages_about(instance: Instance) -> QuerySet[Message]:
    return Message.objects.defer("text", "html").filter(cause=instance.reference)


@belongs_to(Instance, "Entitlement")
def _entitlement_behind(instance: Instance) -> QuerySet[Entitlement]:
    return Entitlement.objects.filter(tenant=instance.tenant_id).select_related("tenant")
