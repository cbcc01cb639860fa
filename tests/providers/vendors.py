"""The providers' sandboxes as tests steer them, and our adapters to them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx

from fleet.providers import digitalocean, hetzner
from fleet.providers.base import Order, ServerProvider
from fleet.providers.digitalocean import DigitalOcean
from fleet.providers.hetzner import Hetzner
from fleet.providers.libcloud import Libcloud
from sandbox.control import Provider, SandboxControl

DEPLOYMENT = os.environ.get("WOPR_DEPLOYMENT", "wopr")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEsandbox alice"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFsandbox bob"


def by_libcloud() -> ServerProvider:
    """libcloud's way to DigitalOcean, which the sandbox speaks."""
    url, token = os.environ["DIGITALOCEAN_API_URL"], os.environ["DIGITALOCEAN_API_TOKEN"]
    return Libcloud("digitalocean", token, url=url)


def stranger_at_hetzner() -> ServerProvider:
    return Hetzner(url=os.environ["HETZNER_API_URL"], token="not-the-token")


def stranger_at_digitalocean() -> ServerProvider:
    return DigitalOcean(url=f"{os.environ['DIGITALOCEAN_API_URL']}/v2/", token="not-the-token")


ADAPTERS: dict[str, tuple[Callable[[], ServerProvider], Provider]] = {
    "hetzner": (hetzner.provider, "hetzner"),
    "digitalocean": (digitalocean.provider, "digitalocean"),
    "libcloud": (by_libcloud, "digitalocean"),
}
OFFERS = {
    "hetzner": ("fsn1", "cx22", "cx32"),
    "digitalocean": ("fra1", "s-1vcpu-2gb", "s-2vcpu-4gb"),
}
PATHS = {"hetzner": "/v1/servers", "digitalocean": "/v2/droplets"}


class Vendor:
    """One provider's sandbox."""

    def __init__(self, control: SandboxControl, name: Provider) -> None:
        self.control, self.name = control, name
        self.region, self.size, self.bigger = OFFERS[name]
        self.path = PATHS[name]

    def machines(self) -> list[dict[str, Any]]:
        """What exists there, whoever made it, looked at directly."""
        return self.control.machines(self.name)

    def drop_wall(self, name: str) -> None:
        """Somebody takes the machines out of a firewall by hand."""
        client = httpx.Client(
            base_url=os.environ[f"{self.name.upper()}_API_URL"],
            headers={"Authorization": f"Bearer {os.environ[f'{self.name.upper()}_API_TOKEN']}"},
        )
        with client:
            if self.name == "hetzner":
                [wall] = client.get("firewalls").json()["firewalls"]
                path = f"firewalls/{wall['id']}/actions/remove_from_resources"
                body = {"remove_from": wall["applied_to"]}
                client.post(path, json=body).raise_for_status()
            else:
                [wall] = client.get("v2/firewalls").json()["firewalls"]
                body = {"name": name, "tags": [], "inbound_rules": wall["inbound_rules"]}
                path = f"v2/firewalls/{wall['id']}"
                client.put(path, json=body).raise_for_status()

    def let_time_pass(self) -> None:
        self.control.pass_time(self.name, timedelta(minutes=2))

    def behave(self, **conduct: Any) -> None:
        self.control.change_conduct(self.name, **conduct)

    def misbehave(self, kind: str, **fault: Any) -> None:
        self.control.add_fault(self.name, kind, **fault)

    def requests(self, **which: str) -> list[dict[str, Any]]:
        return self.control.requests(self.name, **which)

    def order(self, name: str = f"{DEPLOYMENT}-1", **changes: Any) -> Order:
        image = {"hetzner": "debian-13", "digitalocean": "debian-13-x64"}[self.name]
        facts = {
            "name": name,
            "deployment": DEPLOYMENT,
            "region": self.region,
            "size": self.size,
            "image": image,
            "user_data": "#cloud-config\n",
        }
        return Order(**{**facts, **changes})


@contextmanager
def sandboxes() -> Iterator[SandboxControl]:
    with SandboxControl(
        os.environ["SANDBOX_STRIPE_URL"],
        hetzner_url=os.environ["SANDBOX_HETZNER_URL"],
        digitalocean_url=os.environ["SANDBOX_DIGITALOCEAN_URL"],
    ) as control:
        yield control


def empty_providers() -> None:
    for name in ("HETZNER", "DIGITALOCEAN"):
        url = os.environ[f"SANDBOX_{name}_URL"]
        httpx.post(f"{url}/_sandbox/reset").raise_for_status()
