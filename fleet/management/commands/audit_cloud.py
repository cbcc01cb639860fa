"""`manage.py audit_cloud`: does anything cost money that no row owns, or the other way round."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from fleet import provider_watch
from fleet.providers import registry
from wopr.common.errors import ProviderError

DIFFERENT, UNKNOWN = 1, 2


class Command(BaseCommand):
    help = "Compares every provider's machines with the database. Ends with 0 if they agree."

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(max((self._audit(name) for name in registry.configured()), default=0))

    def _audit(self, name: str) -> int:
        try:
            found = provider_watch.audit(name)
        except ProviderError as error:
            self.stdout.write(f"{name}: could not be asked: {error}")
            return UNKNOWN
        self.stdout.write(f"{name}: {len(found) or 'no'} differences")
        self.stdout.writelines(f"  {finding}" for finding in found)
        return DIFFERENT if found else 0
