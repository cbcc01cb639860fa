"""Contract tests through our own adapters look at the sandbox directly, too."""

from tests.billing.conftest import stripe
from tests.fleet.world import opened_world, world

__all__ = ["opened_world", "stripe", "world"]
