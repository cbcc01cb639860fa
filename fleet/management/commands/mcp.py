"""`manage.py mcp`: tools for a member of staff's AI agents."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from fleet.agents import server
from tenants.models import User

SHORTEST_TOKEN = 32


class Command(BaseCommand):
    help = "Serves the Model Context Protocol over stdio, or over HTTP with a bearer token."
    # Standard output belongs to the protocol.
    requires_system_checks: list[str] = []  # noqa: RUF012  (as Django declares it)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as", dest="email", required=True, help="whose rights it has")
        parser.add_argument("--http", metavar="HOST:PORT", help="instead of stdio")
        parser.add_argument("--token-file", type=Path, help="the bearer token for --http")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(
            email__iexact=options["email"], is_active=True, is_staff=True
        ).first()
        if user is None:
            raise CommandError(f"{options['email']} is not the address of active staff.")
        if not options["http"]:
            return server.serve_stdio(user.pk)
        host, _, port = options["http"].rpartition(":")
        if not host or not port.isdigit():
            raise CommandError("--http wants HOST:PORT, as 127.0.0.1:8765.")
        token = _token(options["token_file"])
        return server.serve_http(user.pk, host=host.strip("[]"), port=int(port), token=token)


def _token(file: Path | None) -> str:
    if file is None:
        raise CommandError("--http wants --token-file: whoever has the token has your rights.")
    try:
        token = file.read_text().strip()
    except OSError as error:
        raise CommandError(f"--token-file cannot be read: {error}") from error
    if len(token) < SHORTEST_TOKEN:
        raise CommandError(f"--token-file wants {SHORTEST_TOKEN} characters at least.")
    return token
