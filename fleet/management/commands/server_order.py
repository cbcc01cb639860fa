"""`manage.py server_order`: buys a server that becomes a node."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleet import server_services
from wopr.common.errors import Refused


class Command(BaseCommand):
    help = "Orders a server from a provider. It costs money from then on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name in ("provider", "region", "size"):
            parser.add_argument(f"--{name}", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = {name: options[name] for name in ("provider", "region", "size")}
        try:
            server = server_services.server_request(**wanted, cause="manage.py server_order")
        except Refused as refusal:
            raise CommandError(refusal.message) from refusal
        price = f"{server.monthly:.2f} {server.currency} a month before tax"
        self.stdout.write(f"{server} is ordered: {price}")
