"""manage.py rotate_keys: seals every stored secret with the first of WOPR_FIELD_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wopr.common import rotation
from wopr.common.crypto import DecryptionError, known_ids


class Command(BaseCommand):
    help = "Seals every stored secret with the first of WOPR_FIELD_KEYS, and says who is in use."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = rotation.rotate()
        except DecryptionError as error:
            raise CommandError(str(error)) from error
        used = rotation.in_use()
        self.stdout.write(f"{changed} secrets were sealed anew.")
        for name in known_ids():
            told = f"seals {used[name]} secrets" if used[name] else "is not in use: take it away"
            self.stdout.write(f"key {name} {told}")
