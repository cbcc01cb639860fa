"""`manage.py dns_reconcile`: the zones as the rows want them."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dns import reconciling
from dns.reconciling import Change
from wopr.common.errors import ProviderError


class Command(BaseCommand):
    help = "Compares all wanted DNS records with the zones, prints the difference, and mends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changes, failures = reconciling.reconcile(dry_run=options["dry_run"])
        except ProviderError as error:
            raise CommandError(str(error)) from error
        for change in changes:
            self.stdout.write(str(change))
        self.stdout.write(_summary(changes, dry_run=options["dry_run"]))
        if failures:
            raise CommandError("\n".join(failures))


def _summary(changes: list[Change], *, dry_run: bool) -> str:
    if not changes:
        return "Nothing differs."
    counted = Counter(change.action for change in changes)
    told = ", ".join(f"{number} to {action}" for action, number in sorted(counted.items()))
    return f"{told}. Nothing was changed." if dry_run else f"{told}."
