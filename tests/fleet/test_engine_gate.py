"""Nothing that gives a container its machine gets out of a worker, whoever wrote it."""

import json
import os
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import docker
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.engines.base import ContainerSpec
from fleet.engines.docker.config import container_config
from fleet.engines.docker.credentials import Access
from fleet.engines.docker.gate import guard
from tests.fleet.test_container_config import spec_with, specs
from wopr.common.errors import ProviderError

# Nobody listens there: what is let through fails otherwise than what is refused.
api: Any = docker.APIClient(base_url="http://127.0.0.1:1", version="1.41")
api.auth = guard
folders = st.sampled_from(["/", "/etc", "/var/run/docker.sock", "./x", "..", "~/x"])
RELAXING = {
    "Privileged": st.just(True),
    "PidMode": st.sampled_from(["host", "container:x"]),
    "IpcMode": st.sampled_from(["host", "container:x", "shareable"]),
    "UTSMode": st.just("host"),
    "UsernsMode": st.just("host"),
    "CgroupnsMode": st.just("host"),
    "NetworkMode": st.sampled_from(["host", "container:x", "ns:/proc/1/ns/net"]),
    "CapAdd": st.lists(st.sampled_from(["ALL", "SYS_ADMIN", "NET_RAW"]), min_size=1),
    "CapDrop": st.sampled_from([None, [], ["NET_RAW"]]),
    "SecurityOpt": st.sampled_from([["seccomp=unconfined"], ["apparmor=unconfined"]]),
    "Binds": folders.map(lambda folder: [f"{folder}:/data:rw"]),
    "Mounts": st.one_of(
        folders.map(lambda folder: [{"Type": "bind", "Source": folder, "Target": "/data"}]),
        st.just([{"Type": "volume", "VolumeOptions": {"DriverConfig": {"Name": "local"}}}]),
    ),
    "Devices": st.just([{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda"}]),
    "DeviceRequests": st.just([{"Driver": "nvidia", "Count": -1}]),
    "DeviceCgroupRules": st.just(["a *:* rwm"]),
    "VolumesFrom": st.just(["another"]),
    "GroupAdd": st.just(["docker"]),
    "CgroupParent": st.just("/"),
    "Runtime": st.just("another"),
    "Sysctls": st.just({"kernel.core_pattern": "|/data/x"}),
    "MaskedPaths": st.just(["/nothing"]),
    "ReadonlyPaths": st.just(["/nothing"]),
    "OomKillDisable": st.just(True),
}


def sent(body: dict[str, Any]) -> None:
    """Raises ConnectionError once it is on its way."""
    api.create_container_from_config(body, name="x")


@settings(max_examples=50)
@given(specs())
def test_what_bots_are_made_by_gets_out(spec: ContainerSpec) -> None:
    with pytest.raises(requests.ConnectionError):
        sent(container_config(api, spec))


@settings(max_examples=100)
@given(st.data())
def test_no_container_that_gets_its_machine_gets_out(data: st.DataObject) -> None:
    body = deepcopy(dict(container_config(api, spec_with())))
    name = data.draw(st.sampled_from(sorted(RELAXING)))
    body["HostConfig"][name] = data.draw(RELAXING[name])
    with pytest.raises(ProviderError, match="is not asked this") as refused:
        sent(body)
    assert refused.value.permanent


OTHERS: dict[str, Callable[[], Any]] = {
    "a volume that is a folder": lambda: api.create_volume(
        "x", driver="local", driver_opts={"type": "none", "o": "bind", "device": "/"}
    ),
    "a volume of a plugin": lambda: api.create_volume("x", driver="sshfs"),
    "a network that is the host's": lambda: api.create_network("x", driver="macvlan"),
    "a program in a container": lambda: api.exec_create("x", ["sh"]),
    "a build": lambda: api._post(api._url("/build"), params={"remote": "https://example.com/x"}),
    "an image of a container": lambda: api.commit("x"),
    "another command": lambda: api._post_json(api._url("/swarm/init"), data={"x": "y"}),
    "a limit that is none of ours": lambda: api._post_json(
        api._url("/containers/x/update"), data={"Devices": [{"PathOnHost": "/dev/sda"}]}
    ),
    "a start with a configuration": lambda: api._post_json(
        api._url("/containers/x/start"), data={"Privileged": True}
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_nothing_else_is_asked_of_an_engine(what: str) -> None:
    with pytest.raises(ProviderError, match="is not asked this"):
        OTHERS[what]()


def test_every_connection_to_an_engine_has_the_gate() -> None:
    client: Any = Access(os.environ["WOPR_STACK_ENGINE"]).connect(5)
    body = container_config(client, spec_with())
    body["HostConfig"]["Privileged"] = True
    with pytest.raises(ProviderError, match="is not asked this"):
        client.create_container_from_config(json.loads(json.dumps(body)), name="x")
