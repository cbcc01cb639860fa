"""Staff's pages of what is sold, what is bought, and what Stripe says of it."""

from billing.admin import reconciling, sales, service, standing, stripe_objects, webhooks

__all__ = ["reconciling", "sales", "service", "standing", "stripe_objects", "webhooks"]
