"""The sandbox's answers against Authentik's published OpenAPI document, where that is present."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator

from sandbox.authentik.world import uuid_of
from sandbox.control import SandboxControl
from sandbox.process import ROOT

SPECS = Path(os.environ.get("WOPR_SPECS", ROOT.parent / "shared" / "specs"))
_FILE = SPECS / "authentik.json"
DOCUMENT: dict[str, Any] = json.loads(_FILE.read_text()) if _FILE.exists() else {}

PROVIDER = {
    "name": "bot-1",
    "client_id": "bot-1",
    "authorization_flow": uuid_of("default-provider-authorization-implicit-consent"),
    "invalidation_flow": uuid_of("default-provider-invalidation-flow"),
    "redirect_uris": [{"matching_mode": "strict", "url": "https://bot.example.com/callback"}],
}
# In order: what is made is listed and read by the calls that follow.
CALLS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("post", "/core/groups/", {"name": "readers"}),
    ("post", "/core/users/", {"username": "ada", "name": "Ada", "email": "ada@example.com"}),
    ("get", "/core/users/", None),
    ("get", "/core/users/{id}/", None),
    ("post", "/core/groups/{group_uuid}/add_user/", {"pk": "{id}"}),
    ("get", "/core/groups/", None),
    ("get", "/core/groups/{group_uuid}/", None),
    ("post", "/core/users/{id}/recovery/", {}),
    ("post", "/core/users/{id}/set_password/", {"password": "of Ada"}),
    ("post", "/providers/oauth2/", PROVIDER),
    ("post", "/core/applications/", {"name": "Bot", "slug": "bot-1", "provider": "{provider}"}),
    ("get", "/providers/oauth2/", None),
    ("get", "/core/applications/", None),
    ("get", "/core/applications/{slug}/", None),
    ("post", "/policies/bindings/", {"target": "{target}", "group": "{group_uuid}", "order": 0}),
    ("get", "/policies/bindings/", None),
    ("post", "/core/groups/", {"name": "readers"}),
    ("patch", "/core/applications/{slug}/", {"name": "Bot 2"}),
    ("post", "/core/groups/{group_uuid}/remove_user/", {"pk": "{id}"}),
    ("delete", "/core/applications/{slug}/", None),
    ("delete", "/providers/oauth2/{id}/", None),
    ("delete", "/core/groups/{group_uuid}/", None),
]


def _problems(method: str, path: str, answer: httpx.Response) -> list[str]:
    documented = DOCUMENT["paths"][path][method]["responses"][str(answer.status_code)]
    if "$ref" in documented:
        documented = DOCUMENT["components"]["responses"][documented["$ref"].split("/")[-1]]
    content = documented.get("content")
    if not content:
        return [] if not answer.content else [f"{method} {path} answers with a body"]
    schema = {**content["application/json"]["schema"], "components": DOCUMENT["components"]}
    found = OAS30Validator(schema).iter_errors(answer.json())
    return [f"{method} {path}: {error.message}" for error in found if not _is_null_as_sent(error)]


def _is_null_as_sent(error: Any) -> bool:
    """The real API sends null where nothing is referred to; the document lacks `nullable`."""
    return error.instance is None and str(error.path[-1]).endswith(("_obj", "_themed_urls"))


def _filled(body: Any, known: dict[str, Any]) -> Any:
    if not isinstance(body, dict):
        return body
    named = {f"{{{name}}}": value for name, value in known.items()}
    return {k: named.get(v, v) if isinstance(v, str) else v for k, v in body.items()}


@pytest.mark.parametrize("calls", [CALLS] if DOCUMENT else [], ids=["all"] if DOCUMENT else [])
def test_answers_agree_with_the_published_document(
    calls: list[Any], sdk_urls: dict[str, str], sdk_control: SandboxControl
) -> None:
    sdk_control.reset()
    headers = {"Authorization": "Bearer authentik-sandbox"}
    known: dict[str, Any] = {"slug": "bot-1"}
    problems: list[str] = []
    for method, path, body in calls:
        if path == "/providers/oauth2/{id}/":
            known["id"] = known["provider"]
        url = sdk_urls["authentik"] + path.format(**known)
        json_body = _filled(body, known)
        answer = httpx.request(method, url, json=json_body, headers=headers, trust_env=False)
        problems += _problems(method, path, answer)
        if answer.status_code == 201:
            made = {"/core/users/": "id", "/core/groups/": "group_uuid"}
            made |= {"/providers/oauth2/": "provider", "/core/applications/": "target"}
            known[made.get(path, "last")] = answer.json()["pk"]
    assert problems == []
