"""Differences between what the rows want and what a re-read of the world shows."""

from django.db import models
from django.db.models import Exists, OuterRef, Q

from fleet.models.instance import NOT_THERE, Instance
from fleet.models.node import Node
from wopr.common.models import Identified


class Drift(Identified):
    """One difference, from when it was first seen until it was seen gone."""

    class Kind(models.TextChoices):
        MISSING = "missing"
        STOPPED = "stopped"
        RUNNING_THOUGH_STOPPED = "running_though_stopped"
        RUNNING_THOUGH_SUSPENDED = "running_though_suspended"
        RUNNING_THOUGH_ELSEWHERE = "running_though_elsewhere"
        WRONG_DIGEST = "wrong_digest"
        WRONG_LIMITS = "wrong_limits"
        WRONG_LABELS = "wrong_labels"
        WRONG_PORT = "wrong_port"
        SILENT = "silent"
        VOLUME_MISSING = "volume_missing"
        UNKNOWN_CONTAINER = "unknown_container"
        UNKNOWN_VOLUME = "unknown_volume"

    node = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="drifts")
    instance = models.ForeignKey(
        Instance, null=True, blank=True, on_delete=models.PROTECT, related_name="drifts"
    )
    kind = models.CharField(max_length=32, choices=Kind)
    resource = models.CharField(max_length=255, help_text="The engine's name of the thing.")
    wanted = models.TextField(blank=True)
    seen = models.TextField(blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    ignored_until = models.DateTimeField(null=True, blank=True)
    ignored_because = models.CharField(max_length=200, blank=True)
    repair = models.ForeignKey(
        "fleet.Operation", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    cost_per_day = models.DecimalField(
        max_digits=12, decimal_places=4, default=0, help_text="In the currency beside it."
    )
    currency = models.CharField(max_length=3, default="eur")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("node", "kind", "resource"),
                condition=Q(resolved_at__isnull=True),
                name="one_open_drift_per_resource",
            ),
        )
        ordering = ("-first_seen_at",)

    def __str__(self) -> str:
        return f"{self.kind} {self.resource}"


def missed_now() -> Exists:
    """For annotating instances: whether one that should run is known not to."""
    there = Drift.objects.filter(instance=OuterRef("pk"), resolved_at=None)
    return Exists(there.filter(kind__in=NOT_THERE))
