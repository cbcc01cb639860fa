"""Services: the limit that a customer sets on its own inference."""

from gpu.models import Budget
from tenants.models import Tenant
from wopr.common.errors import Refused


def budget_set(*, tenant: Tenant, limit: int | None) -> Budget:
    """Sets or removes the limit. Raises Refused for more than the tenant may spend."""
    budget = Budget.of(tenant.pk)
    if limit is not None and limit > budget.most_allowed:
        raise Refused(
            "above_allowance",
            "This is more than you may spend in a month. Write to us to have it raised.",
            field="limit",
        )
    return Budget.objects.update_or_create(tenant=tenant, defaults={"limit": limit})[0]
