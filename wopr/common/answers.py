"""What others say, read without trust: nonsense is an error with a name, never a traceback."""

import json
from collections.abc import Callable
from functools import wraps
from inspect import isfunction
from typing import Any, TypeVar

from wopr.common.errors import ProviderError

AdapterT = TypeVar("AdapterT")
# What reading a document raises that is not as its vendor describes it.
_NONSENSE = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


def understood(vendor: str) -> Callable[[type[AdapterT]], type[AdapterT]]:
    """For the class of an adapter: its methods raise ProviderError for answers without sense."""

    def over(adapter: type[AdapterT]) -> type[AdapterT]:
        for name, method in list(vars(adapter).items()):
            if isfunction(method) and not name.startswith("_"):
                setattr(adapter, name, _reading(vendor, method))
        return adapter

    return over


def _reading(vendor: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def read(*arguments: Any, **named: Any) -> Any:
        try:
            return method(*arguments, **named)
        except _NONSENSE as error:
            what = f"{vendor}'s answer makes no sense ({method.__name__}: {error!r:.200})"
            raise ProviderError(what) from error

    return read


def object_of(text: bytes) -> dict[str, Any]:
    """A JSON object that can be kept and passed on. Raises ValueError for anything else."""
    try:
        found = json.loads(text)
        if b"\\u" in text:
            # Half a character can be escaped in JSON, but neither stored nor sent.
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    return found
