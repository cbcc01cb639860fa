"""manage.py gpu_provision --region tor1 --size gpu-4000adax1-20gb [--image NAME]."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gpu.services import gpu_provision
from wopr.common.errors import Refused


class Command(BaseCommand):
    help = "Orders a GPU node; its operation shows how far it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--provider", default="digitalocean")
        parser.add_argument("--region", required=True)
        parser.add_argument("--size", required=True)
        parser.add_argument("--image", default="", help="WOPR_GPU_IMAGE if it is left out")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            node = gpu_provision(
                provider=options["provider"],
                region=options["region"],
                size=options["size"],
                image=options["image"],
                cause="command: gpu_provision",
            )
        except Refused as refused:
            raise CommandError(f"{refused.field or refused.code}: {refused.message}") from refused
        self.stdout.write(f"{node.name} is ordered as server {node.server_id}")
