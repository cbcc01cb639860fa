"""`manage.py server_adopt`: a machine that you own already becomes a node, by SSH."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleet.adoption import server_adopt
from fleet.providers.manual import Place, fingerprint_at
from wopr.common.errors import ProviderError, Refused


class Command(BaseCommand):
    help = (
        "Adds a machine of yours as a node: without --fingerprint it only shows the machine's host"
        " key; compare that with the machine's own, and call again with it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--address", required=True)
        parser.add_argument("--port", type=int, default=22)
        parser.add_argument("--user", default="root", help="who may use its Docker Engine")
        parser.add_argument(
            "--key-file", type=Path, help="our private key, without a passphrase; kept encrypted"
        )
        parser.add_argument("--region", default="", help="where it is, by a name in WOPR_REGIONS")
        parser.add_argument("--fingerprint", help="SHA256:…, as shown before")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not options["fingerprint"]:
                shown = fingerprint_at(options["address"], options["port"])
                self.stdout.write(f"It shows {shown}. If that is its host key, call again with it.")
                return
            if not options["key_file"]:
                raise CommandError("--key-file is needed to sign in")
            server = server_adopt(
                place=Place(options["address"], options["port"], options["fingerprint"]),
                username=options["user"],
                private_key=options["key_file"].read_text(),
                region=options["region"],
                cause="manage.py server_adopt",
            )
        except (ProviderError, Refused) as error:
            raise CommandError(str(error)) from error
        size = f"{server.memory_mb} MB, {server.cpus} CPUs, {server.disk_gb} GB of disk"
        self.stdout.write(f"{server} is adopted: {size}")
