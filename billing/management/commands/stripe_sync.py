"""`manage.py stripe_sync`: products and prices at Stripe as plans and add-ons say."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from billing import catalogue
from wopr.common.errors import ProviderError


class Command(BaseCommand):
    help = "Creates and updates products and prices at Stripe; deletes none, archives old prices."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Print what would be done, and do nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        done = 0
        for offer in catalogue.offers():
            try:
                done += self._sync(offer, dry_run=options["dry_run"])
            except ProviderError as error:
                raise CommandError(f"{offer.code}: {error}") from error
        self.stdout.write(_summary(done, dry_run=options["dry_run"]))

    def _sync(self, offer: catalogue.Offer, *, dry_run: bool) -> int:
        done = 0
        for change in catalogue.changes(offer):
            if not dry_run:
                change.carry_out()
            self.stdout.write(f"would {change}" if dry_run else str(change))
            done += 1
        return done


def _summary(done: int, *, dry_run: bool) -> str:
    if not done:
        return "Stripe is as the plans say."
    return f"{done} changes to make; nothing was changed." if dry_run else f"{done} changes made."
