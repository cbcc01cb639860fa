"""What agents of staff's planned by MCP, and whether they did it."""

from django.contrib import admin
from django.utils.safestring import SafeString

from fleet.models import AgentPlan
from wopr.common.staff.looks import EMPTY, moment
from wopr.common.staff.pages import MachineOwned


@admin.register(AgentPlan)
class AgentPlanAdmin(MachineOwned):
    """Dry runs of what cannot be undone, each good once and for minutes."""

    list_display = ("action", "target", "user", "condition", "made", "used")
    list_filter = ("action",)
    search_fields = ("target", "user__email")
    list_select_related = ("user",)
    fields = ("action", "target", "user", "condition", "effects", "made", "expires_at", "used")

    @admin.display(description="state")
    def condition(self, plan: AgentPlan) -> str:
        return plan.state

    @admin.display(description="planned", ordering="created_at")
    def made(self, plan: AgentPlan) -> SafeString | str:
        return moment(plan.created_at)

    @admin.display(description="done", ordering="used_at")
    def used(self, plan: AgentPlan) -> SafeString | str:
        return moment(plan.used_at) or EMPTY
