"""Services: the limits that a customer sets on its own usage."""

from django.db import transaction

from billing.models import CAPPABLE, Meter, UsageCap
from tenants.models import Tenant
from wopr.common.errors import Refused


def caps_set(*, tenant: Tenant, caps: dict[str, int | None]) -> None:
    """Sets the caps that are named, and removes those given as None. All of them or none."""
    unknown = sorted(set(caps) - set(Meter.values))
    if unknown:
        raise Refused("unknown_meter", f"There is no meter “{unknown[0]}”.", field=unknown[0])
    for meter, limit in caps.items():
        if limit is not None and meter not in CAPPABLE:
            message = f"“{meter}” has no cap: what a bot may store is its plan's disk."
            raise Refused("not_cappable", message, field=meter)
    with transaction.atomic():
        for meter, limit in caps.items():
            if limit is None:
                UsageCap.objects.filter(tenant=tenant, meter=meter).delete()
            else:
                UsageCap.objects.update_or_create(
                    tenant=tenant, meter=meter, defaults={"limit": limit}
                )
