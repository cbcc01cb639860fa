"""`manage.py staff_ensure`: a staff account with full rights, made or brought up to date."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.models import User


class Command(BaseCommand):
    help = "Creates a staff account, or sets its password; running it again changes nothing else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--password-file", required=True, type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            password = options["password_file"].read_text().strip()
        except OSError as error:
            raise CommandError(f"--password-file cannot be read: {error}") from error
        if not password:
            raise CommandError("--password-file is empty: write the password into it.")
        user = User.objects.filter(email__iexact=options["email"]).first()
        user = user or User.objects.create_superuser(options["email"])
        user.is_staff = user.is_superuser = user.is_active = True
        if not user.check_password(password):
            user.set_password(password)
        user.save()
        self.stdout.write(f"{user.email} may sign in at /admin/")
