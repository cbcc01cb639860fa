"""The flows use Stripe as the tests of billing do, and the outside world as those of the fleet."""

from tests.billing.conftest import account, broker, buy, fresh_throttles, starter, stripe, team
from tests.fleet.conftest import provision
from tests.fleet.world import opened_world, world

__all__ = [
    "account",
    "broker",
    "buy",
    "fresh_throttles",
    "opened_world",
    "provision",
    "starter",
    "stripe",
    "team",
    "world",
]
