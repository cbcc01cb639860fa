"""DigitalOcean's own SDK against the sandbox: the calls that WOPR makes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError
from azure.core.pipeline.policies import HeadersPolicy
from pydo import Client

from sandbox.control import SandboxControl

pytestmark = pytest.mark.usefixtures("fresh")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEsandbox alice"
NODE = {
    "name": "node-1",
    "region": "fra1",
    "size": "s-1vcpu-2gb",
    "image": "debian-12-x64",
    "tags": ["wopr:test"],
}


def connect(urls: dict[str, str], token: str = "digitalocean-sandbox") -> Any:
    """The SDK sends its token by HTTPS only, unless told how to."""
    policy = HeadersPolicy({"Authorization": f"Bearer {token}"})
    return Client(
        token, endpoint=urls["digitalocean"], authentication_policy=policy, retry_total=0, timeout=5
    )


@pytest.fixture
def ocean(sdk_urls: dict[str, str]) -> Any:
    return connect(sdk_urls)


def wait(control: SandboxControl) -> None:
    control.pass_time("digitalocean", timedelta(minutes=1))


def act(ocean: Any, droplet: int, **body: Any) -> Any:
    return ocean.droplet_actions.post(droplet, body=body)["action"]


def test_a_droplet_is_accepted_at_once_and_has_an_address_later(
    ocean: Any, fresh: SandboxControl
) -> None:
    made = ocean.droplets.create(body=NODE)
    droplet = made["droplet"]
    assert (droplet["status"], droplet["networks"]["v4"]) == ("new", [])
    wait(fresh)
    action = ocean.actions.get(made["links"]["actions"][0]["id"])["action"]
    assert (action["status"], action["type"]) == ("completed", "create")
    seen = ocean.droplets.get(droplet["id"])["droplet"]
    kinds = {network["type"]: network["ip_address"] for network in seen["networks"]["v4"]}
    assert seen["status"] == "active"
    assert kinds["public"].startswith("127.65.")


def test_names_are_not_unique_but_tags_find_what_was_made(ocean: Any) -> None:
    first, second = (ocean.droplets.create(body=NODE)["droplet"]["id"] for _ in range(2))
    found = ocean.droplets.list(tag_name="wopr:test")["droplets"]
    assert [row["id"] for row in found] == [first, second]
    assert ocean.droplets.list(tag_name="wopr:other")["droplets"] == []


def test_pages_are_linked(ocean: Any) -> None:
    for number in range(5):
        ocean.droplets.create(body={**NODE, "name": f"node-{number}"})
    answer = ocean.droplets.list(per_page=2, page=2)
    assert answer["meta"]["total"] == 5
    assert "page=3" in answer["links"]["pages"]["next"]
    assert [row["name"] for row in answer["droplets"]] == ["node-2", "node-3"]


def test_an_accepted_creation_may_fail_later(ocean: Any, fresh: SandboxControl) -> None:
    fresh.change_conduct("digitalocean", failing={"create": 1})
    made = ocean.droplets.create(body=NODE)
    wait(fresh)
    action = ocean.actions.get(made["links"]["actions"][0]["id"])["action"]
    assert action["status"] == "errored"


def test_power_size_and_end_of_a_droplet(ocean: Any, fresh: SandboxControl) -> None:
    droplet = ocean.droplets.create(body=NODE)["droplet"]["id"]
    wait(fresh)
    for body in (
        {"type": "reboot"},
        {"type": "power_off"},
        {"type": "resize", "size": "s-2vcpu-4gb"},
        {"type": "power_on"},
    ):
        action = act(ocean, droplet, **body)
        assert action["status"] == "in-progress"
        wait(fresh)
        assert ocean.actions.get(action["id"])["action"]["status"] == "completed"
    assert ocean.droplets.get(droplet)["droplet"]["size_slug"] == "s-2vcpu-4gb"
    ocean.droplets.destroy(droplet)
    wait(fresh)
    assert ocean.droplets.list()["droplets"] == []


def test_a_busy_droplet_has_a_pending_event(ocean: Any) -> None:
    droplet = ocean.droplets.create(body=NODE)["droplet"]["id"]
    with pytest.raises(HttpResponseError, match="pending event"):
        ocean.droplets.destroy(droplet)


def test_sizes_tell_prices_stock_and_graphics_cards(ocean: Any, fresh: SandboxControl) -> None:
    fresh.change_conduct("digitalocean", out_of_stock=["gpu-h100x1-80gb"], price_percent=200)
    sizes = {row["slug"]: row for row in ocean.sizes.list(per_page=200)["sizes"]}
    assert sizes["s-1vcpu-1gb"]["price_monthly"] == 12
    assert sizes["gpu-l40sx1-48gb"]["gpu_info"]["vram"]["amount"] == 48
    assert sizes["gpu-h100x1-80gb"]["regions"] == []


@pytest.mark.parametrize(
    ("conduct", "said"),
    [
        ({"out_of_stock": ["s-1vcpu-2gb@fra1"]}, "not available in this region"),
        ({"server_limit": 0}, "exceed your droplet limit"),
    ],
)
def test_quota_and_stock_are_refused(
    ocean: Any, fresh: SandboxControl, conduct: dict[str, Any], said: str
) -> None:
    fresh.change_conduct("digitalocean", **conduct)
    with pytest.raises(HttpResponseError, match=said) as refused:
        ocean.droplets.create(body=NODE)
    assert refused.value.status_code == 422


def test_the_rate_limit_is_told_and_kept(ocean: Any, fresh: SandboxControl) -> None:
    fresh.change_conduct("digitalocean", rate_limit=1)
    ocean.account.get()
    with pytest.raises(HttpResponseError) as refused:
        ocean.account.get()
    assert refused.value.status_code == 429
    assert refused.value.response.headers["ratelimit-remaining"] == "0"


def test_keys_tags_and_firewalls_come_and_go(ocean: Any) -> None:
    key = ocean.ssh_keys.create(body={"name": "wopr", "public_key": KEY})["ssh_key"]
    assert ocean.ssh_keys.get(key["fingerprint"])["ssh_key"]["id"] == key["id"]
    ocean.tags.create(body={"name": "wopr:test"})
    rules = [{"protocol": "tcp", "ports": "22", "sources": {"addresses": ["203.0.113.1/32"]}}]
    wall = ocean.firewalls.create(
        body={"name": "wopr", "inbound_rules": rules, "tags": ["wopr:test"]}
    )["firewall"]
    assert ocean.firewalls.get(wall["id"])["firewall"]["tags"] == ["wopr:test"]
    ocean.firewalls.delete(wall["id"])
    ocean.ssh_keys.delete(key["id"])
    assert ocean.firewalls.list()["firewalls"] == ocean.ssh_keys.list()["ssh_keys"] == []


def test_a_wrong_token_is_told_so(sdk_urls: dict[str, str]) -> None:
    with pytest.raises(HttpResponseError) as refused:
        connect(sdk_urls, "wrong").account.get()
    assert refused.value.status_code == 401


def test_a_creation_that_was_never_answered_is_found_by_its_tag(
    ocean: Any, fresh: SandboxControl
) -> None:
    fresh.add_fault("digitalocean", "drop", method="POST", path="/v2/droplets", when="after")
    with pytest.raises(ServiceResponseError):
        ocean.droplets.create(body=NODE)
    assert len(ocean.droplets.list(tag_name="wopr:test")["droplets"]) == 1
