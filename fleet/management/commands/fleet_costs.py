"""`manage.py fleet_costs`: what the fleet costs a month, and whose share of it that is."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from fleet.costs import costs


class Command(BaseCommand):
    help = "Lists what each server costs a month before tax, and each tenant's share of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one document, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        found = costs()
        if options["json"]:
            self.stdout.write(json.dumps(found.described(), indent=2))
            return
        for cost in found.servers:
            server = cost.server
            where = f"{server.size} in {server.region} at {server.provider}"
            self.stdout.write(f"{server}: {server.monthly:.2f} {server.currency}, {where}")
            for slug, share in cost.shares.items():
                self.stdout.write(f"  {slug}: {share:.2f}")
            self.stdout.write(f"  idle: {cost.idle:.2f}")
            if cost.remark:
                self.stdout.write(f"  {cost.remark}")
        for (slug, currency), sum_ in sorted(found.tenants.items()):
            self.stdout.write(f"{slug} has a share of {sum_:.2f} {currency} a month")
        for currency, sum_ in sorted(found.totals.items()):
            self.stdout.write(f"The fleet costs {sum_:.2f} {currency} a month before tax")
