"""`manage.py logbook`: writes into the operations logbook, and searches it."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from wopr.common.audit.models import LogbookEntry

SHOWN = 20


class Command(BaseCommand):
    help = "Writes an entry (--kind and --title), or shows those that hold a word (--search)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--kind", choices=LogbookEntry.Kind.values)
        parser.add_argument("--title", default="")
        parser.add_argument("--text", default="")
        parser.add_argument("--search", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["title"]:
            return self._write(options)
        found = LogbookEntry.objects.filter(
            Q(title__icontains=options["search"]) | Q(text__icontains=options["search"])
        )
        if options["kind"]:
            found = found.filter(kind=options["kind"])
        for entry in found[:SHOWN]:
            when = f"{entry.happened_at:%Y-%m-%d %H:%M}"
            self.stdout.write(f"{when}  {entry.kind:10}  {entry.title}  ({entry.written_by})")
        return None

    def _write(self, options: dict[str, Any]) -> None:
        if not options["kind"]:
            raise CommandError(f"--kind is one of {', '.join(LogbookEntry.Kind.values)}.")
        entry = LogbookEntry.objects.create(
            kind=options["kind"],
            title=options["title"],
            text=options["text"],
            written_by=f"{getpass.getuser()} by command",
        )
        self.stdout.write(f"{entry.kind} “{entry.title}” is in the logbook.")
