"""What is watched, as the triggers want it: tables, their secret columns, and those of noise."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import BinaryField, Model

from wopr.audited import MACHINES_OWN, NOISE, OTHERS, OURS, PUBLIC
from wopr.common.crypto import EncryptedTextField

_SECRET = re.compile(r"password|secret|token|digest|private|session|(^|_)keys?$|(^|_)data$")


@dataclass(frozen=True)
class Watched:
    """One table."""

    model: type[Model]
    secret: tuple[str, ...]
    noise: tuple[str, ...]

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def key(self) -> str:
        return str(self.model._meta.pk.column)


def watched() -> Iterator[Watched]:
    """Every table that is watched."""
    for model in _models():
        columns = [field.column for field in model._meta.local_concrete_fields]
        noise = {"updated_at", "last_used_at", *NOISE.get(model._meta.label, ())}
        yield Watched(
            model,
            secret=tuple(sorted(secret_columns(model))),
            noise=tuple(column for column in columns if column in noise),
        )


def secret_columns(model: type[Model]) -> set[str]:
    """Columns of which an entry says that they changed, and no more."""
    label = model._meta.label
    return {
        str(field.column)
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedTextField | BinaryField)
        or (_SECRET.search(str(field.column)) and f"{label}.{field.column}" not in PUBLIC)
    }


def _models() -> Iterator[type[Model]]:
    for label in OURS:
        for model in apps.get_app_config(label).get_models(include_auto_created=True):
            if model._meta.label not in MACHINES_OWN:
                yield model
    for name in OTHERS:
        if apps.is_installed(name.rpartition(".")[0]):
            yield from _with_its_links(name)


def _with_its_links(name: str) -> Iterator[type[Model]]:
    """A library's model, and the tables that tie it to others."""
    app, _, model_name = name.rpartition(".")
    config = next(config for config in apps.get_app_configs() if config.name == app)
    model = config.get_model(model_name)
    yield model
    for field in model._meta.local_many_to_many:
        through: Any = field.remote_field.through
        yield through
