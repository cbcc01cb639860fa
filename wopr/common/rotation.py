"""Sealing every stored secret anew with the first key, so that older keys can be taken away."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet, TextField
from django.db.models.functions import Cast

from wopr.common.crypto import (
    DecryptionError,
    EncryptedTextField,
    decrypt,
    known_ids,
    sealed_with,
)


def rotate() -> int:
    """Seals anew what is sealed with another key than the first. Returns how many secrets.

    Raises DecryptionError before anything is changed when one of them could not be opened.
    """
    unknown = sorted(set(in_use()) - {"", *known_ids()})
    if unknown:
        raise DecryptionError(
            f"Secrets are sealed with {', '.join(unknown)}, of which WOPR_FIELD_KEYS has no key."
            " Nothing was changed: put the missing keys back first."
        )
    return sum(_rotate_field(model, name) for model, name in _sealed_fields())


def in_use() -> Counter[str]:
    """How many secrets are sealed with which key; without a name: before keys had names."""
    return Counter(
        sealed_with(sealed)
        for model, name in _sealed_fields()
        for sealed in _sealed(model, name).values_list("sealed", flat=True)
    )


def _rotate_field(model: type[Model], name: str) -> int:
    first, changed = known_ids()[0], 0
    for key, sealed in list(_sealed(model, name).values_list("pk", "sealed")):
        if sealed_with(sealed) != first:
            # Only if nobody has written another secret in the meantime.
            unchanged = _sealed(model, name).filter(pk=key, sealed=sealed)
            changed += unchanged.update(**{name: decrypt(sealed)})
    return changed


def _sealed(model: type[Model], name: str) -> QuerySet[Any]:
    """The rows with their ciphertext as it is stored."""
    rows = model._base_manager.annotate(sealed=Cast(name, TextField()))
    return rows.exclude(sealed="").exclude(sealed=None)


def _sealed_fields() -> Iterator[tuple[type[Model], str]]:
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield model, field.name
