"""The flows use Stripe as the tests of billing do."""

from tests.billing.conftest import account, broker, buy, fresh_throttles, starter, stripe, team

__all__ = ["account", "broker", "buy", "fresh_throttles", "starter", "stripe", "team"]
