"""What is sold, what is being bought, and what a tenant may run."""

from billing.models.checkout import Checkout
from billing.models.entitlement import Entitlement
from billing.models.plan import Plan

__all__ = ["Checkout", "Entitlement", "Plan"]
