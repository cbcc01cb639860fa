"""`manage.py staff_ensure`: a staff account with full rights, made or brought up to date."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError

from tenants.models import User


class Command(BaseCommand):
    help = "Creates a staff account, or sets its password; running it again changes nothing else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--password-file", required=True, type=Path)
        parser.add_argument(
            "--authenticator-file",
            type=Path,
            help="A base32 key for an authenticator app; without it the first sign-in sets one up.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        password = _secret_in("--password-file", options["password_file"])
        key = None
        if options["authenticator_file"]:
            key = _secret_in("--authenticator-file", options["authenticator_file"])
        user = User.objects.filter(email__iexact=options["email"]).first()
        user = user or User.objects.create_superuser(options["email"])
        user.is_staff = user.is_superuser = user.is_active = True
        if not user.check_password(password):
            user.set_password(password)
        user.save()
        _vouch_for_address(user)
        if key:
            _give_authenticator(user, key)
        self.stdout.write(f"{user.email} may sign in at /admin/")


def _secret_in(option: str, file: Path) -> str:
    try:
        secret = file.read_text().strip()
    except OSError as error:
        raise CommandError(f"{option} cannot be read: {error}") from error
    if not secret:
        raise CommandError(f"{option} is empty: write the secret into it.")
    return secret


def _vouch_for_address(user: User) -> None:
    """Who runs this command knows whose address it is; no code has to be mailed."""
    known = {"verified": True, "primary": True}
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults=known)


def _give_authenticator(user: User, key: str) -> None:
    totp = Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP)
    sealed = {"secret": get_adapter().encrypt(key)}
    if not totp.update(data=sealed):
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data=sealed)
