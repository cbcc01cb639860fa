"""No plan and no instance can relax the hardening: shown on what is sent, for any values."""

from typing import Any

import docker
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.engines.base import ContainerSpec
from fleet.engines.docker.config import container_config

DIGEST = "registry.example/wopr@sha256:" + "0" * 64
words = st.text(max_size=40)
limits = st.integers(min_value=1, max_value=2**31)
api = docker.APIClient(base_url="http://127.0.0.1:1", version="1.41")


@st.composite
def specs(draw: st.DrawFn) -> ContainerSpec:
    """Any container that the product could ask for, with hostile names and values in it."""
    hostile = st.sampled_from(["/", "/etc", "/var/run/docker.sock", "host", "container:x", "..:/"])
    return ContainerSpec(
        name=draw(words),
        image=DIGEST,
        labels=draw(st.dictionaries(words, words, max_size=3)),
        environment=draw(st.dictionaries(words.filter(bool), words, max_size=3)),
        volume=draw(st.one_of(hostile, words.filter(bool))),
        network=draw(st.sampled_from(["wopr-tenants", "wopr-1234abcd-tenants"])),
        publish=("127.0.0.1", draw(st.integers(min_value=1024, max_value=65535))),
        container_port=7437,
        memory_mb=draw(limits),
        cpu_millis=draw(limits),
        pids=draw(limits),
    )


@settings(max_examples=50, deadline=None)
@given(specs())
def test_no_value_relaxes_the_hardening(spec: ContainerSpec) -> None:
    config = container_config(api, spec)
    host: dict[str, Any] = config["HostConfig"]

    assert config["User"] == "1000:1000"
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["ReadonlyRootfs"] is True
    assert host["CgroupnsMode"] == "private"
    assert host["NetworkMode"] == spec.network
    assert not host.get("Privileged")
    relaxing = {"Binds", "CapAdd", "Devices", "DeviceRequests", "GroupAdd", "VolumesFrom"}
    relaxing |= {"PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupParent", "ExtraHosts"}
    assert not relaxing & set(host)
    [mount] = host["Mounts"]
    assert (mount["Type"], mount["Target"], mount["Source"]) == ("volume", "/data", spec.volume)
    [[binding]] = host["PortBindings"].values()
    assert binding["HostIp"] == "127.0.0.1"


@settings(max_examples=50, deadline=None)
@given(specs())
def test_every_limit_is_set_and_swap_adds_nothing(spec: ContainerSpec) -> None:
    host = container_config(api, spec)["HostConfig"]

    assert host["Memory"] == host["MemorySwap"] == spec.memory_mb * 1024 * 1024 > 0
    assert host["NanoCpus"] == spec.cpu_millis * 1_000_000 > 0
    assert host["PidsLimit"] == spec.pids > 0


@pytest.mark.parametrize("limit", ["memory_mb", "cpu_millis", "pids"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_an_engine_would_read_as_none_is_refused(limit: str, value: int) -> None:
    with pytest.raises(ValueError, match="must be limited"):
        spec_with(**{limit: value})


def test_a_tag_is_refused_where_a_digest_belongs() -> None:
    with pytest.raises(ValueError, match="is not a digest"):
        spec_with(image="registry.example/wopr:latest")


def spec_with(**changes: Any) -> ContainerSpec:
    values: dict[str, Any] = {
        "name": "wopr-bot-1",
        "image": DIGEST,
        "labels": {},
        "environment": {},
        "volume": "wopr-data-1",
        "network": "wopr-tenants",
        "publish": ("127.0.0.1", 20000),
        "container_port": 7437,
        "memory_mb": 256,
        "cpu_millis": 500,
        "pids": 64,
    }
    return ContainerSpec(**{**values, **changes})
