"""A machine that was ordered from a provider, from the order until it is seen gone."""

from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from fleet.models.node import Node
from fleet.models.operation import Operation
from tenants.models import Tenant
from wopr.common.models import Identified


class Server(Identified):
    class Status(models.TextChoices):
        REQUESTED = "requested"
        CREATING = "creating"
        BOOTING = "booting"
        ENROLLING = "enrolling"
        READY = "ready"
        DRAINING = "draining"
        DESTROYING = "destroying"
        GONE = "gone"
        FAILED = "failed"
        LEAKED = "leaked"

    class Purpose(models.TextChoices):
        NODE = "node"
        GPU = "gpu"

    # Every way that a server may go; anything else is a defect.
    WAYS: ClassVar[dict[str, frozenset[str]]] = {
        Status.REQUESTED: frozenset({Status.CREATING, Status.FAILED}),
        Status.CREATING: frozenset({Status.BOOTING, Status.FAILED, Status.LEAKED}),
        Status.BOOTING: frozenset({Status.ENROLLING, Status.FAILED, Status.LEAKED}),
        Status.ENROLLING: frozenset({Status.READY, Status.FAILED, Status.LEAKED}),
        Status.READY: frozenset({Status.DRAINING}),
        Status.DRAINING: frozenset({Status.READY, Status.DESTROYING}),
        Status.DESTROYING: frozenset({Status.GONE, Status.LEAKED}),
        Status.LEAKED: frozenset({Status.DESTROYING, Status.GONE}),
        Status.GONE: frozenset(),
        Status.FAILED: frozenset(),
    }
    # A machine that is up, whether or not anything new comes to it.
    UP: ClassVar[tuple[str, ...]] = (Status.READY, Status.DRAINING)
    # Where there may be a machine that costs money.
    PAID: ClassVar[tuple[str, ...]] = (
        Status.CREATING,
        Status.BOOTING,
        Status.ENROLLING,
        Status.READY,
        Status.DRAINING,
        Status.DESTROYING,
        Status.LEAKED,
    )

    provider = models.CharField(max_length=32)
    region = models.CharField(max_length=64)
    size = models.CharField(max_length=64)
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.NODE)
    tenant = models.ForeignKey(
        Tenant,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="servers",
        help_text="Whose alone it is; nobody's when it is of the pool.",
    )
    status = models.CharField(max_length=16, choices=Status, default=Status.REQUESTED)
    status_since = models.DateTimeField(auto_now_add=True)
    reason = models.TextField(blank=True, help_text="Why it is where it is.")
    provider_id = models.CharField(max_length=100, blank=True)
    action_id = models.CharField(
        max_length=100, blank=True, help_text="What the provider is doing to it now."
    )
    wanted_size = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=253, blank=True)
    private_address = models.CharField(max_length=253, blank=True)
    memory_mb = models.PositiveIntegerField()
    cpus = models.PositiveIntegerField()
    disk_gb = models.PositiveIntegerField()
    hourly = models.DecimalField(max_digits=12, decimal_places=6)
    monthly = models.DecimalField(max_digits=12, decimal_places=4)
    currency = models.CharField(max_length=3)
    node = models.OneToOneField(
        Node, null=True, blank=True, on_delete=models.SET_NULL, related_name="server"
    )
    enrolment_digest = models.CharField(max_length=64, blank=True, editable=False)
    enrolment_until = models.DateTimeField(null=True, blank=True)
    enrolled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("provider", "provider_id"),
                condition=~Q(provider_id=""),
                name="one_server_per_machine",
            ),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What the machine is called at the provider: ours for ever, and nobody's secret."""
        return f"{settings.WOPR_DEPLOYMENT}-{self.pk.hex}"

    @property
    def per_day(self) -> Decimal:
        return self.hourly * 24

    def may_become(self, status: str) -> bool:
        return status in self.WAYS[self.status]


class ServerMove(models.Model):
    """One transition of a server: when, who or what, why."""

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="moves")
    before = models.CharField(max_length=16, choices=Server.Status)
    after = models.CharField(max_length=16, choices=Server.Status)
    cause = models.CharField(max_length=200)
    reason = models.TextField(blank=True)
    operation = models.ForeignKey(
        Operation, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
