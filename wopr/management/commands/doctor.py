"""`manage.py doctor`: is everything outside reached, and what to do if not."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from wopr import doctor


class Command(BaseCommand):
    help = "Tries every outside dependency for real. Ends with 1 when one of them fails."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        ill = 0
        for finding in doctor.findings():
            mark = self.style.SUCCESS("ok  ") if finding.good else self.style.ERROR("FAIL")
            self.stdout.write(f"{mark}  {finding.name}: {finding.seen}")
            if not finding.good:
                ill += 1
                self.stdout.write(f"      → {finding.fix}")
        sys.exit(1 if ill else 0)
