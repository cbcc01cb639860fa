"""`manage.py audit_verify`: whether anybody tampered with the audit trail."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wopr.common.audit.verifying import verify


class Command(BaseCommand):
    help = "Works out every digest of the audit trail again. Fails when one is another."

    def add_arguments(self, parser: ArgumentParser) -> None:
        told = "POSITION:DIGEST as told by an earlier run; shows an end that was cut off"
        parser.add_argument("--expect", default="", help=told)

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify(expected=options["expect"])
        for fault in verdict.faults:
            self.stderr.write(fault)
        if verdict.faults:
            raise CommandError(f"The audit trail was tampered with: {len(verdict.faults)} faults.")
        self.stdout.write(f"{verdict.entries} entries are as they were written.")
        self.stdout.write(f"Note elsewhere: {verdict.position}:{verdict.digest}")
