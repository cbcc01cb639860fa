"""What tenants may spend on inference, and what they did."""

from django.contrib import admin

from gpu.models import Allowance, Budget
from wopr.common.staff.pages import MachineOwned, StaffAdmin


@admin.register(Budget)
class BudgetAdmin(StaffAdmin):
    """Tenants that may spend another sum than the default, or have set a limit themselves."""

    list_display = ("tenant", "allowed", "limit")
    search_fields = ("tenant__slug", "tenant__name")
    autocomplete_fields = ("tenant",)
    readonly_fields = ("limit",)


@admin.register(Allowance)
class AllowanceAdmin(MachineOwned):
    """What tenants spent on inference, month by month, in millionths of the currency."""

    list_display = ("tenant", "month", "spent", "held", "tokens", "seconds")
    list_filter = ("month",)
    search_fields = ("tenant__slug", "tenant__name")
    list_select_related = ("tenant",)
