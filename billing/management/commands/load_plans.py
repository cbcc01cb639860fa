"""`manage.py load_plans`: the first plans and add-ons, with their products and prices at Stripe."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import catalogue
from billing.first_plans import first_add_ons_ensure, first_plans_ensure
from wopr.common.errors import ProviderError


class Command(BaseCommand):
    help = "Adds plans and add-ons that are missing, and publishes all at Stripe; never deletes."

    def handle(self, *args: Any, **options: Any) -> None:
        first_plans_ensure()
        first_add_ons_ensure()
        for offer in catalogue.offers():
            try:
                catalogue.plan_publish(plan=offer)
            except ProviderError as error:
                what = f"{offer._meta.verbose_name} {offer.code}"
                raise CommandError(f"{what}: {error}") from error
            for price in offer.prices.all():
                self.stdout.write(f"{offer.code} by the {price.interval}: {price.stripe_price_id}")
