"""The environment is the only source of settings, and .env.example knows all of it."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import PRODUCT, ROOT, modules, name_of, tree

SETTINGS = ROOT / "wopr" / "settings.py"
EXAMPLE = ROOT / ".env.example"
# What a leaked value looks like: a vendor's prefix with a body, a private key, a long random word.
SECRET = re.compile(
    r"(sk|rk|pk)_(live|test)_\w{8,}|whsec_\w{16,}|-----BEGIN|(?<![\w/.-])[A-Za-z0-9_-]{32,}={0,2}(?!\w)"
)


def read_by_the_settings() -> set[str]:
    """The first argument of every env.<type>(...) in wopr/settings.py."""
    return {
        str(call.args[0].value)
        for call in ast.walk(tree(SETTINGS))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and isinstance(call.args[0], ast.Constant)
    }


def example() -> dict[str, str]:
    """Names and values of .env.example; a value that is only suggested stands in a comment."""
    lines = re.findall(r"^(?:# ?)?([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.M)
    return dict(lines)


def test_the_settings_are_found() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "EMAIL_URL", "DEBUG"} <= read_by_the_settings()


def test_every_variable_is_in_the_example_and_the_other_way_round() -> None:
    assert sorted(read_by_the_settings()) == sorted(example())


def test_the_example_names_each_variable_once_and_explains_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    seen: set[str] = set()
    explained = False
    for line in lines:
        name = re.match(r"^(?:# ?)?([A-Z][A-Z0-9_]+)=", line)
        if name:
            assert name[1] not in seen, f"{name[1]} is there twice"
            assert explained, f"{name[1]} has no comment above it"
            seen.add(name[1])
        explained = bool(line.startswith("# ") and not name) or (explained and bool(name))


def test_the_example_holds_no_secret() -> None:
    found = {name: value for name, value in example().items() if SECRET.search(value)}
    assert found == {}


@pytest.mark.parametrize(
    "planted",
    [
        "sk_live_0123456789",
        "whsec_0123456789abcdef",
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",  # pragma: allowlist secret
    ],
)
def test_a_planted_secret_would_be_found(planted: str) -> None:
    assert SECRET.search(planted)


def test_only_the_settings_read_the_environment() -> None:
    # Three name the settings module; restic gets what a process of its own needs.
    entry_points = {"wopr/asgi.py", "wopr/celery.py", "gpu/inference/asgi.py"}
    entry_points |= {"fleet/gateways/restic.py"}
    readers = {name_of(path) for path in modules(*PRODUCT) if set(environment_reads(path))}
    assert readers <= entry_points


def environment_reads(path: object) -> Iterator[str]:
    for node in ast.walk(tree(path)):  # type: ignore[arg-type]
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}:
            yield node.attr
