"""The providers' answers against their published OpenAPI documents, where those are present."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator

from sandbox.control import SandboxControl
from sandbox.process import ROOT

SPECS = Path(os.environ.get("WOPR_SPECS", ROOT.parent / "shared" / "specs"))


def document(name: str) -> dict[str, Any]:
    file = SPECS / f"{name}.json"
    return nullable(json.loads(file.read_text())) if file.exists() else {}


def nullable(schema: Any) -> Any:
    """Read `nullable` beside `allOf` as its authors mean it; by the letter it allows no null."""
    if isinstance(schema, list):
        return [nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: nullable(value) for key, value in schema.items()}
    if found.get("nullable") is True and "allOf" in found:
        return {"anyOf": [{"allOf": found["allOf"]}, {"enum": [None], "nullable": True}]}
    return found


DOCUMENTS = {name: document(name) for name in ("hetzner", "digitalocean")}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEsandbox alice"
RULE = {"direction": "in", "protocol": "tcp", "port": "22", "source_ips": ["0.0.0.0/0"]}
OCEAN_RULE = {"protocol": "tcp", "ports": "22", "sources": {"addresses": ["0.0.0.0/0"]}}
SERVER = {"name": "bb", "server_type": "cx22", "image": "debian-12", "location": "fsn1"}
JOINED = {**SERVER, "name": "cc", "networks": [4711]}
DROPLET = {"name": "bb", "size": "s-1vcpu-2gb", "image": "debian-12-x64", "region": "fra1"}
GPU = {**DROPLET, "size": "gpu-l40sx1-48gb", "region": "tor1"}

Call = tuple[str, str, dict[str, Any] | None]
CALLS: dict[str, dict[str, Call]] = {
    "hetzner": {
        "locations": ("get", "/locations", None),
        "datacenters": ("get", "/datacenters", None),
        "server types": ("get", "/server_types", None),
        "images": ("get", "/images", None),
        "pricing": ("get", "/pricing", None),
        "servers": ("get", "/servers", None),
        "server": ("get", "/servers/{id}", None),
        "create": ("post", "/servers", SERVER),
        "create in a network": ("post", "/servers", JOINED),
        "delete": ("delete", "/servers/{id}", None),
        "power off": ("post", "/servers/{id}/actions/poweroff", {}),
        "reboot": ("post", "/servers/{id}/actions/reboot", {}),
        "actions": ("get", "/servers/{id}/actions", None),
        "keys": ("get", "/ssh_keys", None),
        "add key": ("post", "/ssh_keys", {"name": "bb", "public_key": KEY.replace("IE", "IF")}),
        "firewalls": ("get", "/firewalls", None),
        "add firewall": ("post", "/firewalls", {"name": "bb", "rules": [RULE]}),
    },
    "digitalocean": {
        "account": ("get", "/v2/account", None),
        "regions": ("get", "/v2/regions", None),
        "sizes": ("get", "/v2/sizes", None),
        "images": ("get", "/v2/images", None),
        "droplets": ("get", "/v2/droplets", None),
        "droplet": ("get", "/v2/droplets/{droplet_id}", None),
        "create": ("post", "/v2/droplets", DROPLET),
        "create a GPU droplet": ("post", "/v2/droplets", GPU),
        "power off": ("post", "/v2/droplets/{droplet_id}/actions", {"type": "power_off"}),
        "actions": ("get", "/v2/droplets/{droplet_id}/actions", None),
        "keys": ("get", "/v2/account/keys", None),
        "add key": ("post", "/v2/account/keys", {"name": "bb", "public_key": KEY}),
        "tags": ("get", "/v2/tags", None),
        "add tag": ("post", "/v2/tags", {"name": "bb"}),
        "firewalls": ("get", "/v2/firewalls", None),
        "add firewall": ("post", "/v2/firewalls", {"name": "bb", "inbound_rules": [OCEAN_RULE]}),
        "unknown droplet": ("get", "/v2/droplets/1", None),
    },
}
ALL = [(vendor, name) for vendor in CALLS if DOCUMENTS[vendor] for name in CALLS[vendor]]
Send = Callable[[str, Call], httpx.Response]


@pytest.fixture
def send(sdk_urls: dict[str, str], fresh: SandboxControl) -> Send:
    def call(vendor: str, wanted: Call) -> httpx.Response:
        method, path, body = wanted
        headers = {"Authorization": f"Bearer {vendor}-sandbox"}
        url = sdk_urls[vendor] + path
        return httpx.request(method, url, json=body, headers=headers, trust_env=False)

    return call


def furnish(vendor: str, send: Send, control: SandboxControl) -> int:
    """One of everything; returns the machine's id."""
    calls = CALLS[vendor]
    method, path, body = calls["create"]
    made = send(vendor, (method, path, {**(body or {}), "name": "aa"})).json()
    control.pass_time(vendor, timedelta(minutes=1))  # type: ignore[arg-type]
    for name in ("add key", "add firewall"):
        method, path, body = calls[name]
        change = {"name": "aa"} | ({"public_key": KEY} if vendor == "hetzner" else {})
        if vendor == "hetzner" or name == "add firewall":
            send(vendor, (method, path, {**(body or {}), **change}))
    return int((made.get("server") or made["droplet"])["id"])


def schema(vendor: str, call: Call, answer: httpx.Response) -> dict[str, Any]:
    method, path, _ = call
    paths = DOCUMENTS[vendor]["paths"]
    known = path if path in paths else "/v2/droplets/{droplet_id}"
    response = paths[known][method]["responses"][str(answer.status_code)]
    while "$ref" in response:
        parts = response["$ref"].removeprefix("#/").split("/")
        response = DOCUMENTS[vendor]
        for part in parts:
            response = response[part.replace("~1", "/")]
    found: dict[str, Any] = response["content"]["application/json"]["schema"]
    return {**found, "components": DOCUMENTS[vendor]["components"]}


def as_documented(body: Any) -> Any:
    """Leave out what the documents lag behind in: two new fields, and a null of DigitalOcean's."""
    if isinstance(body, dict):
        new = {"available", "recommended"} if "deprecation" in body else set()
        kept = {key: as_documented(value) for key, value in body.items() if key not in new}
        return kept | ({"next_backup_window": {}} if "next_backup_window" in body else {})
    return [as_documented(item) for item in body] if isinstance(body, list) else body


@pytest.mark.parametrize(("vendor", "name"), ALL)
def test_answers_agree_with_the_published_document(
    vendor: str, name: str, send: Send, fresh: SandboxControl
) -> None:
    machine = furnish(vendor, send, fresh)
    call = CALLS[vendor][name]
    filled = call[1].format(id=machine, droplet_id=machine)
    answer = send(vendor, (call[0], filled, call[2]))
    assert answer.is_success or name == "unknown droplet", answer.text
    validator = OAS30Validator(schema(vendor, call, answer))
    problems = [error.message for error in validator.iter_errors(as_documented(answer.json()))]
    assert problems == []
