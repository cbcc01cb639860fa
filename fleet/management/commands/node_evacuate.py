"""`manage.py node_evacuate`: gives a dead machine up and restores its bots on others."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleet import nodes, upkeep
from fleet.models import Node
from wopr.common.errors import Refused


class Command(BaseCommand):
    help = "Restores a dead machine's bots elsewhere, each from its last proven backup."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--dry-run", action="store_true", help="only say who fits where")

    def handle(self, *args: Any, **options: Any) -> None:
        node = Node.objects.filter(name=options["name"]).first()
        if node is None:
            raise CommandError(f"there is no machine called {options['name']}")
        if options["dry_run"]:
            return self._say(nodes.evacuation_plan(node=node))
        try:
            places = upkeep.node_evacuate(node=node, cause="manage.py node_evacuate")
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        return self._say(places)

    def _say(self, places: list[nodes.Place]) -> None:
        for place in places:
            self.stdout.write(f"{place.instance} {self._fate(place)}")

    @staticmethod
    def _fate(place: nodes.Place) -> str:
        if place.node is None or place.backup is None:
            return f"stays: {place.reason}"
        verb = "goes to" if place.operation else "fits on"
        return f"{verb} {place.node}, from the backup of {place.backup.taken_at:%Y-%m-%d %H:%M}"
