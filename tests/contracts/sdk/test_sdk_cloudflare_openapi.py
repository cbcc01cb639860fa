"""The sandbox's answers against Cloudflare's published OpenAPI document, where that is present."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator

from sandbox.control import SandboxControl
from sandbox.process import ROOT

SPECS = Path(os.environ.get("WOPR_SPECS", ROOT.parent / "shared" / "specs"))
_FILE = SPECS / "cloudflare.json"
DOCUMENT: dict[str, Any] = json.loads(_FILE.read_text()) if _FILE.exists() else {}

RECORDS = "/zones/{zone_id}/dns_records"
RECORD = "/zones/{zone_id}/dns_records/{dns_record_id}"
A_RECORD = {"name": "acme", "type": "A", "content": "203.0.113.10", "ttl": 60, "comment": "acme"}

FAILURE = {"$ref": "#/components/schemas/dns-records_api-response-common-failure"}

Send = Callable[..., httpx.Response]

CALLS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "verify token": ("get", "/user/tokens/verify", None),
    "list zones": ("get", "/zones", None),
    "get zone": ("get", "/zones/{zone_id}", None),
    "list records": ("get", RECORDS, None),
    "create record": ("post", RECORDS, {**A_RECORD, "name": "beta", "tags": ["a:b"]}),
    "get record": ("get", RECORD, None),
    "overwrite record": ("put", RECORD, A_RECORD),
    "edit record": ("patch", RECORD, {"content": "203.0.113.11"}),
    "delete record": ("delete", RECORD, None),
    "create an identical record": ("post", RECORDS, A_RECORD),
    "get an unknown record": ("get", RECORDS + "/" + "0" * 32, None),
    "list records of nothing": ("get", "/zones/nope/dns_records", None),
}

FAILING = ("create an identical record", "get an unknown record", "list records of nothing")


@pytest.fixture
def send(sdk_urls: dict[str, str], fresh: SandboxControl) -> Send:
    headers = {"Authorization": "Bearer cloudflare-sandbox"}

    def call(method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        url = sdk_urls["cloudflare"] + path
        return httpx.request(method, url, json=body, headers=headers, trust_env=False)

    return call


def _schema(method: str, path: str, status: int) -> dict[str, Any]:
    if status != 200:
        # The document's own 4xx answers must be a success and a failure at once.
        return {**FAILURE, "components": DOCUMENT["components"]}
    response = DOCUMENT["paths"][path][method]["responses"]["200"]
    schema: dict[str, Any] = response["content"]["application/json"]["schema"]
    return {**schema, "components": DOCUMENT["components"]}


def _as_documented(body: Any) -> Any:
    """Leave out null comments: the real API sends them, the document says text only."""
    if isinstance(body, dict):
        kept = {key: _as_documented(value) for key, value in body.items()}
        return {key: value for key, value in kept.items() if (key, value) != ("comment", None)}
    return [_as_documented(item) for item in body] if isinstance(body, list) else body


@pytest.mark.parametrize("name", list(CALLS) if DOCUMENT else [])
def test_answers_agree_with_the_published_document(name: str, send: Send) -> None:
    zone = send("get", "/zones", None).json()["result"][0]["id"]
    made = send("post", RECORDS.format(zone_id=zone), A_RECORD).json()["result"]
    method, path, body = CALLS[name]
    filled = path.format(zone_id=zone, dns_record_id=made["id"])
    answer = send(method, filled, body)
    assert (answer.status_code == 200) is (name not in FAILING)
    validator = OAS30Validator(_schema(method, path, answer.status_code))
    problems = [error.message for error in validator.iter_errors(_as_documented(answer.json()))]
    assert problems == []
