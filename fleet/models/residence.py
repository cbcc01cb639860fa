"""Where a tenant wants its bots to live."""

from django.db import models

from tenants.models import Tenant
from wopr.common.models import Identified


class Residence(Identified):
    """A tenant's choice among WOPR_REGIONS; without a row its bots live wherever there is room."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="residence")
    region = models.CharField(max_length=63, help_text="A name of WOPR_REGIONS.")

    def __str__(self) -> str:
        return f"{self.tenant}: {self.region}"
