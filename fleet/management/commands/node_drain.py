"""`manage.py node_drain`: closes a machine and moves its bots to others."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleet import upkeep
from fleet.models import Node
from wopr.common.errors import Refused


class Command(BaseCommand):
    help = "Closes a machine and moves its bots away. Run it again for those that stayed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--because", required=True, help="for whoever finds it closed")

    def handle(self, *args: Any, **options: Any) -> None:
        node = Node.objects.filter(name=options["name"]).first()
        if node is None:
            raise CommandError(f"there is no machine called {options['name']}")
        try:
            places = upkeep.node_drain(
                node=node, because=options["because"], cause="manage.py node_drain"
            )
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        for place in places:
            went = f"goes to {place.node}" if place.operation else f"stays: {place.reason}"
            self.stdout.write(f"{place.instance} {went}")
        self.stdout.write(f"{node} is closed; {len(places)} bots were on it.")
