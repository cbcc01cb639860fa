"""What was seen of a bot over time: measures, and things that happened to it."""

from django.db import models

from fleet.models.instance import Instance
from fleet.models.node import Node


class Sample(models.Model):
    """One reading of a bot's use of its machine."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="samples")
    taken_at = models.DateTimeField()
    cpu_millis = models.PositiveIntegerField(help_text="Mean since the reading before.")
    cpu_ns = models.PositiveBigIntegerField(
        default=0, help_text="Nanoseconds of CPU since the container's start."
    )
    memory = models.PositiveBigIntegerField(help_text="Bytes.")
    received = models.PositiveBigIntegerField(help_text="Bytes since the container's start.")
    sent = models.PositiveBigIntegerField(help_text="Bytes since the container's start.")
    disk = models.PositiveBigIntegerField(null=True, help_text="Bytes in /data.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("instance", "taken_at"), name="one_sample_at_a_time"),
        )
        ordering = ("instance", "taken_at")

    def __str__(self) -> str:
        return f"{self.instance} {self.taken_at:%Y-%m-%d %H:%M}"


class InstanceEvent(models.Model):
    """Something that the engine reported of a bot's container."""

    class Kind(models.TextChoices):
        STARTED = "started"
        ENDED = "ended"
        OUT_OF_MEMORY = "out_of_memory"
        CRASH_LOOP = "crash_loop"
        CALM = "calm"
        DISK_NEARLY_FULL = "disk_nearly_full"
        DISK_FULL = "disk_full"
        DISK_FINE = "disk_fine"

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=24, choices=Kind)
    happened_at = models.DateTimeField()
    exit_code = models.IntegerField(null=True, blank=True)
    message = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (
            # An engine is asked for the same stretch of time twice after a crash of ours.
            models.UniqueConstraint(
                fields=("instance", "kind", "happened_at"), name="one_event_at_a_time"
            ),
        )
        ordering = ("-happened_at",)

    def __str__(self) -> str:
        return f"{self.instance} {self.kind}"


class Lookout(models.Model):
    """How far a node's events were read, and who reads them now."""

    node = models.OneToOneField(Node, on_delete=models.CASCADE, related_name="lookout")
    events_until = models.DateTimeField(null=True, blank=True, help_text="By the engine's clock.")
    held_until = models.DateTimeField(
        null=True, blank=True, help_text="One worker looks at a node at a time."
    )

    def __str__(self) -> str:
        return f"{self.node} until {self.events_until}"
