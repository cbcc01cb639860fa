"""What an agent of staff's announced that it would do, before it may."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from wopr.common.models import Identified


class AgentPlan(Identified):
    """A dry run of something that cannot be undone. Good once, for minutes, for one person.

    `digest` is of what was there then; the deed is refused when it is another by now.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="agent_plans"
    )
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=400)
    effects = models.TextField(help_text="What the agent was told would happen.")
    digest = models.CharField(max_length=64, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.action} {self.target}"

    @property
    def state(self) -> str:
        """One word for the lists."""
        if self.used_at:
            return "used"
        return "expired" if self.expires_at <= timezone.now() else "open"
