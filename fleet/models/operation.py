"""Every durable change to the world, and the ordered parts of it."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.models import Tenant
from wopr.common.models import Identified


class OperationQuerySet(models.QuerySet["Operation"]):
    def live(self) -> "OperationQuerySet":
        return self.filter(state__in=Operation.LIVE)

    def due(self) -> "OperationQuerySet":
        """Live, its time has come, and no worker holds it (or the one that did has died)."""
        now = timezone.now()
        return self.live().filter(
            Q(lease_until__isnull=True) | Q(lease_until__lte=now), next_attempt_at__lte=now
        )


class Operation(Identified):
    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        UNDOING = "undoing"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    LIVE = (State.QUEUED, State.RUNNING, State.UNDOING)

    kind = models.CharField(max_length=40)
    subject_kind = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    tenant = models.ForeignKey(
        Tenant, null=True, blank=True, on_delete=models.PROTECT, related_name="operations"
    )
    cause = models.CharField(max_length=200, help_text="Who or what asked for it.")
    correlation_id = models.CharField(max_length=64, db_index=True)
    parameters: "models.JSONField[Any, Any]" = models.JSONField(
        default=dict, blank=True, help_text="What was asked for: a target, a backup."
    )
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    error = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=0, help_text="Counts every visible change.")
    attempts = models.PositiveIntegerField(default=0, help_text="How often a worker took it up.")
    next_attempt_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0, help_text="The number of the current holder.")
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("subject_kind", "subject_id"),
                condition=Q(state__in=("queued", "running", "undoing")),
                name="one_live_operation_per_subject",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("queued", "running", "undoing"), finished_at__isnull=True)
                | Q(state__in=("succeeded", "failed"), finished_at__isnull=False),
                name="operation_is_live_or_finished",
            ),
        )
        indexes = (
            models.Index(
                fields=("next_attempt_at",),
                condition=Q(state__in=("queued", "running", "undoing")),
                name="operation_due",
            ),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_kind} {self.subject_id}"

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE


class Step(models.Model):
    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"
        UNDONE = "undone"

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(
        default=0, help_text="Tries in a row that ended in an error or with the worker's death."
    )
    message = models.TextField(blank=True)
    facts: "models.JSONField[Any, Any]" = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("operation", "position"), name="step_position"),
            models.UniqueConstraint(fields=("operation", "name"), name="step_once"),
        )
        ordering = ("operation", "position")

    def __str__(self) -> str:
        return self.name

    @property
    def is_begun(self) -> bool:
        return self.state not in {self.State.PENDING, self.State.UNDONE}

    @property
    def elapsed(self) -> timedelta:
        end = self.finished_at or timezone.now()
        return end - self.started_at if self.started_at else timedelta()


class Leak(Identified):
    """Something outside that could not be removed. It stays on the books until it is seen gone."""

    resource = models.CharField(max_length=300, help_text="Kind and name of what is left.")
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="leaks")
    step = models.CharField(max_length=40)
    reason = models.TextField()
    cost_per_day = models.DecimalField(
        max_digits=12, decimal_places=4, default=0, help_text="In the currency beside it."
    )
    currency = models.CharField(max_length=3, default="eur")
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("operation", "step"), name="one_leak_per_step"),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.resource
