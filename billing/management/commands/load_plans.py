"""`manage.py load_plans`: the first plans, with their products and prices at Stripe."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import catalogue
from wopr.common.errors import ProviderError


class Command(BaseCommand):
    help = "Adds the plans that are missing and publishes all of them at Stripe; never deletes."

    def handle(self, *args: Any, **options: Any) -> None:
        for plan in catalogue.first_plans_ensure():
            try:
                catalogue.plan_publish(plan=plan)
            except ProviderError as error:
                raise CommandError(f"plan {plan.code}: {error}") from error
            self.stdout.write(f"{plan.code}: {plan.stripe_price_id}")
