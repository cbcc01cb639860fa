"""`manage.py provider_health`: are the providers of servers well."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleet import provider_watch
from fleet.models import ProviderHealth
from fleet.providers import registry
from wopr.common.errors import Refused

CODES = {ProviderHealth.State.HEALTHY: 0, ProviderHealth.State.DEGRADED: 1}
DOWN = 2


class Command(BaseCommand):
    help = "Looks at each provider once. Ends with 0 if all are healthy, 1 degraded, 2 down."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--provider", choices=sorted(registry.CREDENTIAL))
        parser.add_argument("--json", action="store_true", help="one document, for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [options["provider"]] if options["provider"] else registry.configured()
        try:
            looks = [provider_watch.look_at(name) for name in names]
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        if options["json"]:
            self.stdout.write(json.dumps([look.described() for look in looks], indent=2))
        else:
            for look in looks:
                self.stdout.write(f"{look.provider}: {look.state}, {look.latency_ms} ms")
                self.stdout.writelines(f"  {finding}" for finding in look.findings)
        sys.exit(max((CODES.get(ProviderHealth.State(x.state), DOWN) for x in looks), default=0))
