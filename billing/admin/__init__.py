"""Staff's pages of what is sold, what is bought, and what Stripe says of it."""

from billing.admin import sales, stripe_objects, webhooks

__all__ = ["sales", "stripe_objects", "webhooks"]
