"""`manage.py drift`: looks at the machines now and prints how they differ from the rows."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from fleet import drift, repairs
from fleet.models import Node


class Command(BaseCommand):
    help = "Compares the machines with the rows and prints every difference. Repairs nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--node", default="", help="only this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = Node.objects.filter(name=options["node"]) if options["node"] else None
        for node in Node.objects.all() if chosen is None else chosen:
            answered = drift.node_compare(node_id=node.pk) is not None
            self.stdout.write(f"{node}{'' if answered else ': does not answer'}")
            for row in repairs.unheeded().filter(node=node).order_by("kind", "resource"):
                cost = f", {row.cost_per_day:.2f} {row.currency} a day" if row.cost_per_day else ""
                self.stdout.write(f"  {row.kind} {row.resource}: {row.seen}{cost}")
