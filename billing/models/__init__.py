"""What is sold, what is being bought, and what a tenant may run."""

from billing.models.checkout import Checkout
from billing.models.entitlement import Entitlement
from billing.models.plan import AddOn, Plan, Price
from billing.models.reconciling import EventCursor, Finding
from billing.models.standing import Hold, Reprieve
from billing.models.usage import CAPPABLE, IncludedUsage, Meter, UsageCap, UsageDay, UsageEvent

__all__ = [
    "CAPPABLE",
    "AddOn",
    "Checkout",
    "Entitlement",
    "EventCursor",
    "Finding",
    "Hold",
    "IncludedUsage",
    "Meter",
    "Plan",
    "Price",
    "Reprieve",
    "UsageCap",
    "UsageDay",
    "UsageEvent",
]
