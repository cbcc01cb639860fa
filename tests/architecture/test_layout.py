"""What holds for every file of the product: size, words, migrations, where its tests are."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

import dns
from tests.architecture.source import PRODUCT, ROOT, functions, modules, name_of, tree

LONGEST_FILE, LONGEST_FUNCTION = 300, 45
# Settings are one file on purpose: a list of values, not code.
LONG_ON_PURPOSE = {"wopr/settings.py"}
DRAWERS = {"utils.py", "helpers.py", "misc.py", "common.py"}


def test_the_product_is_found() -> None:
    assert len(modules(*PRODUCT)) > 50


def test_no_file_of_the_product_is_longer_than_it_should_be() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in modules(*PRODUCT)}
    long = {name for name, lines in lengths.items() if lines > LONGEST_FILE}
    assert long <= LONG_ON_PURPOSE


def test_no_function_of_the_product_is_longer_than_it_should_be() -> None:
    long = {
        f"{name_of(path)}:{function.name}": lines
        for path in modules(*PRODUCT)
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


def test_nothing_is_kept_in_a_drawer() -> None:
    assert [name_of(p) for p in modules(*PRODUCT) if p.name in DRAWERS] == []


def test_no_part_of_the_product_is_for_kubernetes_or_fly() -> None:
    word = re.compile(r"\b(kubernetes|kubectl|k8s|helm chart|fly\.io|flyctl|fly\.toml)\b", re.I)
    tracked = subprocess.run(
        ["git", "ls-files", *PRODUCT, "templates", "containers", "Makefile", "requirements.txt"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    texts = {name: (ROOT / name).read_text(errors="replace") for name in tracked if is_text(name)}
    assert len(texts) > 100
    assert [name for name, text in texts.items() if word.search(text)] == []


def is_text(name: str) -> bool:
    path = ROOT / name
    return path.is_file() and b"\0" not in path.read_bytes()[:1024]


def test_nobody_leaves_work_in_a_comment() -> None:
    mark = re.compile(r"# *(TODO|FIXME|XXX|HACK)\b")
    everything = modules(*PRODUCT, "sandbox", "tests")
    assert [name_of(path) for path in everything if mark.search(path.read_text())] == []


def test_the_code_does_not_ask_whether_it_is_being_tested() -> None:
    asks = re.compile(r"PYTEST|sys\.argv|\bTESTING\b|in_test|import (pytest|sandbox)")
    assert [name_of(p) for p in modules(*PRODUCT) if asks.search(p.read_text())] == []


def test_no_error_is_swallowed() -> None:
    swallowed = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules(*PRODUCT)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and all(isinstance(line, ast.Pass) for line in node.body)
    ]
    assert swallowed == []


@pytest.mark.parametrize("package", ["dnspython", "eventlet", "email-validator"])
def test_nothing_is_installed_that_wants_the_name_dns(package: str) -> None:
    """The app `dns` has the import name of dnspython; these are it, or need it."""
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution(package)


def test_the_name_dns_is_ours_in_a_fresh_process_too() -> None:
    assert Path(dns.__file__ or "").parent == ROOT / "dns"
    look = [sys.executable, "-c", "import dns; print(dns.__file__)"]
    found = subprocess.run(look, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert Path(found.strip()).parent == ROOT / "dns"


def test_migrations_say_what_the_models_say() -> None:
    command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("app", [app for app in PRODUCT if list((ROOT / app).glob("models*"))])
def test_every_app_has_its_folder_of_tests(app: str) -> None:
    assert list((ROOT / "tests" / app).glob("test_*.py"))


@pytest.mark.django_db
def test_the_system_checks_of_this_installation_are_silent() -> None:
    call_command("check", fail_level="WARNING")
