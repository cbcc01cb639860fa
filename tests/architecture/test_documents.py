"""What is documented exists, and what exists is documented."""

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command, get_commands

from tests.architecture.routes import api_routes
from tests.architecture.source import PRODUCT, ROOT

OPENAPI = ROOT / "docs" / "openapi.yaml"
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_committed_openapi_document_is_the_generated_one(tmp_path: Path) -> None:
    """Write it anew with `manage.py spectacular --file docs/openapi.yaml` after a change."""
    generated = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(generated))
    assert generated.read_text() == OPENAPI.read_text()


def test_every_route_of_the_api_is_described() -> None:
    described = yaml.safe_load(OPENAPI.read_text())["paths"].keys()
    own_pages = {"/api/v1/schema", "/api/v1/docs"}
    routes = {"/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route.path) for route in api_routes()}
    api = {path for path in routes if path.startswith("/api/v1/") or path == "/fleet"}
    assert api - own_pages == set(described)
    others = routes - api | own_pages
    text = (ROOT / "docs" / "api.md").read_text()
    assert [path for path in sorted(others) if path not in text] == []


def test_every_management_command_is_in_the_readme() -> None:
    ours = [name for name, app in get_commands().items() if app.split(".")[0] in PRODUCT]
    assert {"load_plans", "node_add", "staff_ensure"} <= set(ours)
    readme = (ROOT / "README.md").read_text()
    assert [name for name in ours if f"manage.py {name}" not in readme] == []


def test_every_target_of_make_is_in_the_readme() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)
    readme = (ROOT / "README.md").read_text()
    assert [target for target in targets if f"make {target}" not in readme] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_decisions_are_numbered_and_dated() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(d.name[:4]) for d in decisions] == list(range(1, len(decisions) + 1))
    for decision in decisions:
        title, _, rest = decision.read_text().partition("\n")
        assert title.startswith("# ")
        assert re.search(r"^Date: \d{4}-\d\d-\d\d$", rest, re.M), decision.name


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
