"""Encryption of single database fields. A wrong or missing key raises; nothing fails open."""

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from wopr.common.errors import WoprError


class DecryptionError(WoprError):
    """A stored secret cannot be read with the keys in WOPR_FIELD_KEYS."""


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(clear: str) -> str:
    """Encrypts with the first of WOPR_FIELD_KEYS."""
    return _fernet(tuple(settings.WOPR_FIELD_KEYS)).encrypt(clear.encode()).decode()


def decrypt(sealed: str) -> str:
    """Decrypts with any of WOPR_FIELD_KEYS. Raises DecryptionError when none fits."""
    try:
        return _fernet(tuple(settings.WOPR_FIELD_KEYS)).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise DecryptionError(
            "A stored secret fits none of WOPR_FIELD_KEYS: put the key it was written with back."
        ) from error


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is ciphertext in the database and clear in Python. Cannot be filtered by."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(str(value)) if value else value

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return decrypt(value) if value else value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in {"isnull"}:
            raise TypeError(f"{self.name} is encrypted and cannot be looked up by {lookup_name!r}")
        return super().get_lookup(lookup_name)
