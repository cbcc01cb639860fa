"""`manage.py backup_platform`: the database, its documents and the keys, encrypted by restic."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wopr import safekeeping
from wopr.common.errors import WoprError


class Command(BaseCommand):
    help = "Stores the database, its documents and the keys below WOPR_BACKUP_REPOSITORY."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--password-file", required=True, help="keep a copy of it elsewhere")
        parser.add_argument("--keep", type=int, default=14, help="how many are kept (14)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            password = safekeeping.password_from(options["password_file"])
            kept = safekeeping.back_up(password=password, keep=options["keep"])
        except (WoprError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{kept.tag}: {kept.rows} rows, snapshot {kept.snapshot[:8]}")
