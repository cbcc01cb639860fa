"""Encryption of single database fields. A wrong or missing key raises; nothing fails open."""

import hashlib
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

from wopr.common.errors import WoprError


class DecryptionError(WoprError):
    """A stored secret cannot be read with the keys in WOPR_FIELD_KEYS."""


@lru_cache(maxsize=4)
def _fernets(keys: tuple[str, ...]) -> dict[str, Fernet]:
    return {key_id(key): Fernet(key) for key in keys}


def key_id(key: str) -> str:
    """A short name for a key, which tells nothing of it. What is sealed begins with it."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def known_ids() -> list[str]:
    """The names of WOPR_FIELD_KEYS; the first is what new secrets are sealed with."""
    return [key_id(key) for key in settings.WOPR_FIELD_KEYS]


def sealed_with(sealed: str) -> str:
    """The name of the key; empty for what was sealed before keys had names."""
    return sealed.rpartition(".")[0]


def encrypt(clear: str) -> str:
    """Encrypts with the first of WOPR_FIELD_KEYS."""
    first, fernet = next(iter(_fernets(tuple(settings.WOPR_FIELD_KEYS)).items()))
    return f"{first}.{fernet.encrypt(clear.encode()).decode()}"


def decrypt(sealed: str) -> str:
    """Decrypts with the key that is named. Raises DecryptionError when that is not ours."""
    fernets, name = _fernets(tuple(settings.WOPR_FIELD_KEYS)), sealed_with(sealed)
    if name and name not in fernets:
        raise DecryptionError(
            f"A stored secret was sealed with the key {name[:8]!r}, which is none of"
            " WOPR_FIELD_KEYS: put that key back."
        )
    fitting = [fernets[name]] if name else list(fernets.values())
    try:
        return MultiFernet(fitting).decrypt(sealed.rpartition(".")[2].encode()).decode()
    except InvalidToken as error:
        raise DecryptionError(
            "A stored secret fits none of WOPR_FIELD_KEYS: put the key it was written with back."
        ) from error


class Opened(str):
    """A secret that remembers what it is in the database: saving it again changes nothing there."""

    sealed: str

    @classmethod
    def of(cls, clear: str, sealed: str) -> "Opened":
        opened = cls(clear)
        opened.sealed = sealed
        return opened


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is ciphertext in the database and clear in Python. Cannot be filtered by."""

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Opened) and sealed_with(value.sealed) == known_ids()[0]:
            return value.sealed
        return encrypt(str(value)) if value else value

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        return Opened.of(decrypt(value), value) if value else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = super().pre_save(model_instance, add)
        if value and not isinstance(value, Opened):
            value = Opened.of(str(value), encrypt(str(value)))
            setattr(model_instance, self.attname, value)
        return value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name not in {"isnull"}:
            raise TypeError(f"{self.name} is encrypted and cannot be looked up by {lookup_name!r}")
        return super().get_lookup(lookup_name)
