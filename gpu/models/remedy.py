"""What was done about nodes whose services do not work; by these rows it does not loop."""

from django.db import models
from django.db.models import Q

from fleet.models import Operation
from gpu.models.node import GpuNode, Service
from wopr.common.models import Identified


class Remedy(Identified):
    """One attempt to help one node. The next one waits until it has ended."""

    class Action(models.TextChoices):
        """From the smallest to the last."""

        RESTART = "restart", "restart the service"
        REBOOT = "reboot", "reboot the machine"
        REPLACE = "replace", "order another node, then give this one back"
        TELL = "tell", "tell staff"

    node = models.ForeignKey(GpuNode, on_delete=models.CASCADE, related_name="remedies")
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.CASCADE, related_name="remedies"
    )
    action = models.CharField(max_length=16, choices=Action)
    reason = models.TextField(help_text="What was wrong.")
    operation = models.ForeignKey(
        Operation, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    replacement = models.ForeignKey(
        GpuNode, null=True, blank=True, on_delete=models.SET_NULL, related_name="replaces"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("node",), condition=Q(ended_at=None), name="one_remedy_at_a_time"
            ),
        )
        ordering = ("-created_at",)
        verbose_name_plural = "remedies"

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.service or self.node}"
