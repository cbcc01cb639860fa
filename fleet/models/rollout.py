"""How a release reaches the bots: a chosen few first, then wave by wave."""

from django.db import models
from django.db.models import Q

from fleet.models.instance import Instance
from fleet.models.node import Release
from fleet.models.operation import Operation
from tenants.models import Tenant
from wopr.common.models import Identified


class Rollout(Identified):
    """One release on its way. At most one is under way for an image."""

    class State(models.TextChoices):
        CANARY = "canary"
        ROLLING = "rolling"
        PAUSED = "paused"
        HALTED = "halted"
        DONE = "done"

    OPEN = (State.CANARY, State.ROLLING, State.PAUSED, State.HALTED)

    release = models.OneToOneField(Release, on_delete=models.PROTECT, related_name="rollout")
    image = models.CharField(max_length=255, help_text="Repository and moving tag.")
    state = models.CharField(max_length=16, choices=State, default=State.CANARY)
    wave = models.PositiveSmallIntegerField(default=0, help_text="0 is the canary.")
    reason = models.TextField(blank=True, help_text="Why it was paused or halted.")
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("image",),
                condition=~Q(state="done"),
                name="one_open_rollout_per_image",
            ),
        )
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.release} ({self.state})"


class RolloutMember(models.Model):
    """One bot's turn in a rollout."""

    class State(models.TextChoices):
        WAITING = "waiting"
        UPDATING = "updating"
        UPDATED = "updated"
        ROLLED_BACK = "rolled_back"
        FAILED = "failed"
        LEFT_OUT = "left_out"

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="members")
    instance = models.ForeignKey(Instance, on_delete=models.PROTECT, related_name="rollouts")
    wave = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    operation = models.ForeignKey(
        Operation, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("rollout", "instance"), name="one_turn_per_rollout"),
        )
        ordering = ("wave", "pk")

    def __str__(self) -> str:
        return f"{self.instance} in wave {self.wave}: {self.state}"


class TenantPin(Identified):
    """While it is there, no rollout touches any bot of the tenant."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="release_pin")
    reason = models.CharField(max_length=200)
    pinned_by = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.tenant}: {self.reason}"
