"""`manage.py restore_platform`: fills a fresh database from a backup of the platform."""

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wopr import safekeeping
from wopr.common.errors import WoprError


class Command(BaseCommand):
    help = "Fills a fresh, migrated database from a backup of the platform."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--password-file", required=True)
        parser.add_argument("--list", action="store_true", help="print what is there, and end")
        parser.add_argument("--backup", default="", help="its name; the newest if not given")
        parser.add_argument("--keys-to", help="write the keys of the backup to this new file")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            password = safekeeping.password_from(options["password_file"])
            if options["list"]:
                self.stdout.write("\n".join(safekeeping.listing(password=password)))
                return
            restored = safekeeping.restore(password=password, tag=options["backup"])
            if options["keys_to"]:
                _write(options["keys_to"], restored.keys)
        except (WoprError, OSError) as error:
            raise CommandError(str(error)) from error
        self._tell(restored)

    def _tell(self, restored: safekeeping.Restored) -> None:
        rows = sum(table["rows"] for table in restored.manifest["tables"].values())
        self.stdout.write(f"{restored.manifest['tag']}: {rows} rows are back.")
        if restored.missing_keys:
            named = ", ".join(restored.missing_keys)
            self.stdout.write(
                f"Secrets are sealed with {named}: put WOPR_FIELD_KEYS of the backup in place"
                " (--keys-to writes them to a file) before anything is started."
            )


def _write(path: str, keys: dict[str, Any]) -> None:
    """A file that was not there, for its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(keys, file, indent=2)
