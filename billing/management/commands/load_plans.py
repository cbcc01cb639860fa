"""`manage.py load_plans`: the first plans, with their products and prices at Stripe."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import catalogue
from billing.first_plans import first_plans_ensure
from billing.models import Plan
from wopr.common.errors import ProviderError


class Command(BaseCommand):
    help = "Adds the plans that are missing and publishes all of them at Stripe; never deletes."

    def handle(self, *args: Any, **options: Any) -> None:
        first_plans_ensure()
        for plan in Plan.objects.prefetch_related("prices"):
            try:
                catalogue.plan_publish(plan=plan)
            except ProviderError as error:
                raise CommandError(f"plan {plan.code}: {error}") from error
            for price in plan.prices.all():
                self.stdout.write(f"{plan.code} by the {price.interval}: {price.stripe_price_id}")
