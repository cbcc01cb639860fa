"""What was seen of a bot over time: measures, and things that happened to it."""

from django.db import models

from fleet.models.instance import Instance


class Sample(models.Model):
    """One reading of a bot's use of its machine."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="samples")
    taken_at = models.DateTimeField()
    cpu_millis = models.PositiveIntegerField(help_text="Mean since the reading before.")
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
