"""`manage.py node_add`: a machine that hosts bots."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleet import services

ENGINES = ("unix://", "tcp://", "http://", "https://", "ssh://")
# Read from files: what is typed on a command line is seen by everybody on the machine.
CREDENTIALS = {
    "tls_ca": "PEM; who vouches for the engine",
    "tls_certificate": "PEM; who we are to it",
    "tls_key": "PEM; kept encrypted",
    "ssh_host_key": "the machine's public key, as ssh-keyscan prints it after the name",
    "ssh_key": "our private key, without a passphrase; kept encrypted",
}


class Command(BaseCommand):
    help = "Adds a node, or brings the one of that name up to date. Does not contact its engine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--engine", required=True, help="unix:///var/run/docker.sock")
        parser.add_argument("--address", default="127.0.0.1", help="where ports are published")
        parser.add_argument("--memory-mb", type=int, required=True, help="for bots, in all")
        parser.add_argument("--region", default="", help="where it is, by a name in WOPR_REGIONS")
        for name, what in CREDENTIALS.items():
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, type=Path, metavar="FILE", help=what)

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["engine"].startswith(ENGINES):
            raise CommandError(f"--engine must begin with one of {', '.join(ENGINES)}")
        if options["memory_mb"] < 256:
            raise CommandError("--memory-mb must be at least 256, what one bot needs")
        credentials = {
            name: path.read_text() for name in CREDENTIALS if (path := options.get(name))
        }
        node = services.node_add(
            name=options["name"],
            engine_url=options["engine"],
            address=options["address"],
            memory_mb=options["memory_mb"],
            region=options["region"],
            **credentials,
        )
        self.stdout.write(f"{node.name}: {node.memory_mb} MB for bots on {node.engine_url}")
