"""Read Stripe's form encoding (``line_items[0][price]=x``) and its typed values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import (
    StripeError,
    invalid,
    parameter_missing,
    parameter_unknown,
)
from sandbox.types import Json

_KEYS = re.compile(r"\[([^\]]*)\]")


def decode(encoded: str) -> Json:
    """Turn a query string or form body into nested dictionaries and lists."""
    tree: Json = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head = name.split("[", 1)[0]
        _plant(tree, [head, *_KEYS.findall(name)], value)
    return {key: _lists(value) for key, value in tree.items()}


def _plant(tree: Json, keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        branch = tree.setdefault(key or str(len(tree)), {})
        if not isinstance(branch, dict):
            raise invalid(f"Invalid {keys[0]}", keys[0])
        tree = branch
    tree[keys[-1] or str(len(tree))] = value


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    grown = {key: _lists(child) for key, child in value.items()}
    if grown and all(key.isdigit() for key in grown):
        return [grown[key] for key in sorted(grown, key=int)]
    return grown


class Params:
    """The parameters of one call, read by name and type; an empty text means unset."""

    def __init__(self, values: Mapping[str, Any], prefix: str = "") -> None:
        self.values = dict(values)
        self.prefix = prefix

    def __contains__(self, name: str) -> bool:
        """Tell whether the caller sent this parameter at all."""
        return name in self.values

    def path(self, name: str) -> str:
        """Return the parameter's full name as Stripe's errors give it."""
        return f"{self.prefix}[{name}]" if self.prefix else name

    def allow(self, names: Iterable[str]) -> None:
        """Refuse what the endpoint does not know."""
        unknown = sorted(set(self.values) - set(names))
        if unknown:
            raise parameter_unknown([self.path(name) for name in unknown])

    def text(self, name: str, default: str | None = None) -> str | None:
        """Return a text; an empty one counts as None."""
        value = self.values.get(name, default)
        if value is not None and not isinstance(value, str):
            raise invalid(f"Invalid string: {value}", self.path(name))
        return value or None

    def required(self, name: str) -> str:
        """Return a text that must be there."""
        value = self.text(name)
        if value is None:
            raise parameter_missing(self.path(name))
        return value

    def number(self, name: str, default: int | None = None) -> int | None:
        """Return a whole number."""
        value = self.text(name)
        if value is None:
            return default
        try:
            return int(value)
        except ValueError:
            raise self._bad_number(name, value) from None

    def _bad_number(self, name: str, value: str) -> StripeError:
        param = self.path(name)
        return invalid(f"Invalid integer: {value}", param, "parameter_invalid_integer")

    def flag(self, name: str, default: bool | None = None) -> bool | None:
        """Return true or false."""
        value = self.text(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value}", self.path(name))
        return value == "true"

    def choice(self, name: str, allowed: Iterable[str], default: str) -> str:
        """Return one of a few words."""
        value = self.text(name) or default
        options = list(allowed)
        if value not in options:
            message = f"Invalid {self.path(name)}: must be one of {', '.join(options)}"
            raise invalid(message, self.path(name))
        return value

    def child(self, name: str) -> Params:
        """Return a nested object, empty when it is absent."""
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise invalid("Invalid object", self.path(name))
        return Params(value, self.path(name))

    def children(self, name: str) -> list[Params]:
        """Return a list of nested objects."""
        return [
            Params(item, f"{self.path(name)}[{index}]")
            for index, item in enumerate(self._items(name))
            if isinstance(item, dict)
        ]

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        return [str(item) for item in self._items(name)]

    def _items(self, name: str) -> list[Any]:
        value = self.values.get(name) or []
        if not isinstance(value, list):
            raise invalid("Invalid array", self.path(name))
        return value

    def merged_metadata(self, current: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return metadata after this call: keys are merged, an empty value removes one."""
        if self.values.get("metadata") == "":
            return {}
        sent = self.child("metadata").values
        merged = {**(current or {}), **{key: str(value) for key, value in sent.items()}}
        if len(merged) > 50 or any(len(k) > 40 or len(v) > 500 for k, v in merged.items()):
            raise invalid(
                "Metadata allows 50 keys of 40 and values of 500 characters.",
                "metadata",
            )
        return {key: value for key, value in merged.items() if value != ""}
