"""What the operators' guide and the README tell somebody to type, exists."""

import re
from functools import cache

import pytest
from django.core.management import get_commands, load_command_class

from tests.architecture.source import PRODUCT, ROOT

GUIDES = {name: (ROOT / name).read_text() for name in ("README.md", "docs/operations.md")}
COMMANDS = {name: app for name, app in get_commands().items() if app.split(".")[0] in PRODUCT}
EXAMPLE = (ROOT / ".env.example").read_text()
OPERATORS_OWN = {"compose.override.yaml"}
READ_ELSEWHERE = "".join(
    (ROOT / file).read_text()
    for file in ("compose.yaml", "containers/deploy.sh", ".github/workflows/release.yaml")
)


def spans(guide: str) -> list[str]:
    """What is set as code: between back quotes, and in blocks line by line."""
    text = GUIDES[guide]
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return lines + [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest)]


def commands(guide: str) -> list[tuple[str, str]]:
    """Management commands that are named, each with the words after it."""
    named = [re.search(r"(?:manage\.py |^)([a-z_]+)\b(.*)", span) for span in spans(guide)]
    found = [(match[1], match[2], match[0]) for match in named if match]
    return [
        (name, words) for name, words, whole in found if name in COMMANDS or "manage.py" in whole
    ]


@cache
def options(name: str) -> set[str]:
    """The options that a command takes."""
    app = get_commands()[name]
    assert isinstance(app, str)
    parser = load_command_class(app, name).create_parser("manage.py", name)
    return {option for action in parser._actions for option in action.option_strings}


@pytest.mark.parametrize("guide", GUIDES)
def test_commands_and_their_options_exist(guide: str) -> None:
    named = commands(guide)
    assert len(named) > 10
    for name, words in named:
        if name == "test":
            continue
        assert name in get_commands(), name
        unknown = set(re.findall(r"(?<!\S)\[?(--[a-z-]+)", words)) - options(name)
        assert unknown == set(), name


@pytest.mark.parametrize("guide", GUIDES)
def test_files_exist(guide: str) -> None:
    folders = r"(?<![\w/.-])(?:containers|docs|sandbox|tests|\.github|\.ci)/[\w./-]+"
    named = set(re.findall(rf"{folders}|compose\.[a-z.]+", "\n".join(spans(guide))))
    assert named
    assert [name for name in named - OPERATORS_OWN if not (ROOT / name.rstrip("/.")).exists()] == []


@pytest.mark.parametrize("guide", GUIDES)
def test_settings_exist(guide: str) -> None:
    names = {
        name for span in spans(guide) for name in re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+", span)
    }
    assert names
    known = EXAMPLE + READ_ELSEWHERE
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", known)] == []


def test_ways_of_the_deploy_script_exist() -> None:
    script = (ROOT / "containers" / "deploy.sh").read_text()
    named = [span for span in spans("docs/operations.md") if "deploy.sh" in span]
    asked = {word for span in named for word in re.findall(r"--[a-z-]+", span)}
    assert "--pull" in asked
    assert [word for word in asked if f" {word}" not in script] == []


def test_units_exist() -> None:
    units = {path.stem for path in (ROOT / "containers" / "systemd").glob("wopr-*")}
    named = re.findall(r"`(wopr-[a-z-]+)(?:\.\w+)?`", GUIDES["docs/operations.md"])
    assert "wopr-orc" in named
    assert set(named) - units == set()


def test_services_of_compose_exist() -> None:
    services = set(re.findall(r"^  ([a-z-]+):$", (ROOT / "compose.yaml").read_text(), re.M))
    text = " ".join(spans("docs/operations.md"))
    named = re.findall(r"exec (?:--\S+ )*([a-z-]+) containers/entrypoint.sh", text)
    named += re.findall(r"docker compose run --rm ([a-z-]+)", text)
    assert {"worker", "migrate"} <= set(named)
    assert set(named) <= services


def test_gauges_exist() -> None:
    source = (ROOT / "wopr" / "metrics.py").read_text()
    named = re.findall(r"`(wopr_[a-z_]+)`", GUIDES["docs/operations.md"])
    assert len(named) > 5
    assert [name for name in named if f'"{name}"' not in source] == []


def test_buttons_and_actions_that_are_quoted_exist() -> None:
    quoted = re.findall(r'["“]([A-Z][^"“”]{2,60})["”]', GUIDES["docs/operations.md"])
    assert len(quoted) > 10
    sources = [
        path.read_text()
        for package in (*PRODUCT, "templates")
        for ending in ("py", "html", "js")
        for path in (ROOT / package).rglob(f"*.{ending}")
    ]
    said = " ".join(" ".join(sources).split())
    assert [words for words in (" ".join(q.split()) for q in quoted) if words not in said] == []
