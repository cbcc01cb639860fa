"""`manage.py export_tenant`: everything that is kept of one tenant, as a tar."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.models import Tenant
from wopr import exporting
from wopr.common.errors import WoprError


class Command(BaseCommand):
    help = "Writes everything that is kept of one tenant into a new tar, for its owner only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the tenant's name in addresses")
        parser.add_argument("--to", required=True, help="the file; it must not be there yet")
        parser.add_argument(
            "--with-backups", action="store_true", help="the last proven backup of each bot, too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(f"There is no tenant {options['slug']!r}.")
        try:
            descriptor = os.open(options["to"], os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w+b") as file:
                counted = exporting.tenant_export(
                    tenant=tenant, file=file, with_backups=options["with_backups"]
                )
        except (WoprError, OSError) as error:
            raise CommandError(str(error)) from error
        for label, number in counted.items():
            self.stdout.write(f"{label}: {number}")
