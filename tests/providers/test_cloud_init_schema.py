"""Both templates against the schema by which `cloud-init schema` judges, from Debian's package."""

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from fleet import cloud_init
from fleet.models import Server
from gpu.models import GpuNode
from gpu.user_data import user_data
from sandbox.stack.packages import unpacked

FILE = "usr/lib/python3/dist-packages/cloudinit/config/schemas/schema-cloud-config-v1.json"


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads((unpacked("cloud-init") / FILE).read_text())


def findings(schema: Any, config: Any) -> list[str]:
    """What it says, and keys that no module of cloud-init knows."""
    known = {key for part in schema["$defs"].values() for key in part.get("properties", ())}
    wrong = [error.message for error in Draft4Validator(schema).iter_errors(config)]
    return [*wrong, *(f"unknown: {key}" for key in set(config) - known)]


@pytest.mark.django_db
@pytest.mark.parametrize("ssh_key", ["", "ssh-ed25519 AAAAC3 operator"])
@pytest.mark.parametrize("template", ["node", "gpu"])
def test_cloud_init_knows_everything_that_we_say(
    schema: Any, template: str, ssh_key: str, settings: Any
) -> None:
    settings.WOPR_NODE_SSH_KEY = ssh_key
    if template == "node":
        text = cloud_init.user_data(Server(provider="hetzner"), token="a token of a test")
    else:
        text = user_data(GpuNode.objects.create(name="gpu-1"))
    assert findings(schema, yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    "config", [{"runcmd": "reboot"}, {"pakages": ["curl"]}, {"write_files": [{"content": "x"}]}]
)
def test_what_is_wrong_is_found(schema: Any, config: Any) -> None:
    assert len(findings(schema, config)) == 1
