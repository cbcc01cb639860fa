"""Hetzner's own SDK against the sandbox: the calls that WOPR makes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import requests
from hcloud import APIException, Client
from hcloud.firewalls import FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType
from hcloud.servers import BoundServer
from hcloud.servers.client import CreateServerResponse

from sandbox.control import SandboxControl

pytestmark = pytest.mark.usefixtures("fresh")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEsandbox alice"


@pytest.fixture
def hetzner(sdk_urls: dict[str, str]) -> Iterator[Client]:
    client = Client("hetzner-sandbox", api_endpoint=sdk_urls["hetzner"], timeout=5)
    client._client._retry_max_retries = 0
    yield client
    client._client._session.close()


def created(client: Client, name: str = "node-1", size: str = "cx22") -> CreateServerResponse:
    return client.servers.create(
        name, ServerType(size), Image(name="debian-12"),
        location=Location(name="fsn1"), labels={"wopr-deployment": "test"},
    )  # fmt: skip


def running(client: Client, control: SandboxControl) -> BoundServer:
    server = created(client).server
    control.pass_time("hetzner", timedelta(minutes=1))
    server.reload()
    assert server.status == "running"
    return server


def test_a_server_is_accepted_at_once_and_runs_later(
    hetzner: Client, fresh: SandboxControl
) -> None:
    made = created(hetzner)
    assert (made.server.status, made.action.status) == ("initializing", "running")
    fresh.pass_time("hetzner", timedelta(minutes=1))
    made.action.wait_until_finished()
    made.server.reload()
    assert made.server.status == "running"
    assert made.server.public_net.ipv4.ip.startswith("127.49.")
    assert made.server.location.name == "fsn1"


def test_names_are_unique(hetzner: Client) -> None:
    created(hetzner)
    with pytest.raises(APIException) as refused:
        created(hetzner)
    assert refused.value.code == "uniqueness_error"


def test_a_server_is_found_by_name_and_by_label(hetzner: Client) -> None:
    made = created(hetzner).server
    assert hetzner.servers.get_by_name("node-1").id == made.id  # type: ignore[union-attr]
    assert [s.id for s in hetzner.servers.get_all(label_selector="wopr-deployment=test")] == [
        made.id
    ]
    assert hetzner.servers.get_all(label_selector="wopr-deployment=other") == []


def test_all_pages_are_read(hetzner: Client) -> None:
    for number in range(53):
        created(hetzner, f"node-{number}")
    assert len(hetzner.servers.get_all()) == 53


def test_an_accepted_creation_may_fail_later(hetzner: Client, fresh: SandboxControl) -> None:
    fresh.change_conduct("hetzner", failing={"create": 1})
    made = created(hetzner)
    fresh.pass_time("hetzner", timedelta(minutes=1))
    action = hetzner.actions.get_by_id(made.action.id)
    assert (action.status, action.error["code"]) == ("error", "action_failed")
    made.server.reload()
    assert made.server.status == "off"


def test_a_busy_server_is_locked(hetzner: Client) -> None:
    with pytest.raises(APIException) as refused:
        created(hetzner).server.delete()
    assert refused.value.code == "locked"


def test_power_size_and_end_of_a_server(hetzner: Client, fresh: SandboxControl) -> None:
    server = running(hetzner, fresh)
    steps = [
        server.reboot, server.power_off, lambda: server.change_type(ServerType("cx32"), False),
        server.power_on, server.delete,
    ]  # fmt: skip
    for step in steps:
        action = step()
        assert action.status == "running"
        fresh.pass_time("hetzner", timedelta(minutes=1))
        action.wait_until_finished()
        if step != server.delete:
            server.reload()
    assert server.server_type.name == "cx32"
    with pytest.raises(APIException) as gone:
        server.reload()
    assert gone.value.code == "not_found"


def test_quota_and_stock_are_refused_in_hetzners_words(
    hetzner: Client, fresh: SandboxControl
) -> None:
    fresh.change_conduct("hetzner", out_of_stock=["cx22@fsn1"])
    with pytest.raises(APIException) as sold_out:
        created(hetzner)
    assert sold_out.value.code == "resource_unavailable"
    offered = {t.name: t for t in hetzner.server_types.get_all()}["cx22"].locations
    assert [place.available for place in offered or []] == [False, True, True]
    fresh.change_conduct("hetzner", out_of_stock=[], server_limit=0)
    with pytest.raises(APIException) as full:
        created(hetzner)
    assert full.value.code == "resource_limit_exceeded"


def test_the_rate_limit_is_told_and_kept(hetzner: Client, fresh: SandboxControl) -> None:
    fresh.change_conduct("hetzner", rate_limit=2)
    hetzner.locations.get_all()
    hetzner.locations.get_all()
    with pytest.raises(APIException) as refused:
        hetzner.locations.get_all()
    assert refused.value.code == "rate_limit_exceeded"


def test_keys_and_firewalls_come_and_go(hetzner: Client, fresh: SandboxControl) -> None:
    key = hetzner.ssh_keys.create("wopr", KEY)
    with pytest.raises(APIException):
        hetzner.ssh_keys.create("wopr-2", KEY)
    assert hetzner.ssh_keys.get_by_fingerprint(key.fingerprint).id == key.id  # type: ignore[union-attr]
    rule = FirewallRule(direction="in", protocol="tcp", port="22", source_ips=["203.0.113.1/32"])
    wall = hetzner.firewalls.create("wopr", rules=[rule]).firewall
    wall.set_rules([])
    wall.reload()
    assert wall.rules == []
    wall.delete()
    key.delete()
    assert hetzner.ssh_keys.get_all() == hetzner.firewalls.get_all() == []


def test_a_wrong_token_is_told_so(sdk_urls: dict[str, str]) -> None:
    with pytest.raises(APIException) as refused:
        Client("wrong", api_endpoint=sdk_urls["hetzner"]).locations.get_all()
    assert refused.value.code == "unauthorized"


def test_a_creation_that_was_never_answered_is_found_by_its_name(
    hetzner: Client, fresh: SandboxControl
) -> None:
    fresh.add_fault("hetzner", "drop", method="POST", path="/v1/servers", when="after")
    with pytest.raises(requests.ConnectionError):
        created(hetzner)
    assert hetzner.servers.get_by_name("node-1") is not None
