"""The world outside the database, looked at directly: engine, edge, DNS and mailbox."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import docker
import httpx
import pytest

from fleet.models import Instance, Node
from fleet.operations import ledger, runner
from sandbox.control import SandboxControl
from sandbox.stack.engine import Engine
from sandbox.types import Json
from tenants.models import Document, Tenant
from tests.conftest import free_port

SUBTREE = "wopr-tenants"


@dataclass
class World:
    """What exists outside, by the names and labels that the product promises."""

    engine: docker.DockerClient
    vendors: SandboxControl
    cloudflare: httpx.Client
    caddy: httpx.Client
    authentik: httpx.Client

    def containers(self, instance: Instance) -> list[str]:
        """Names of the containers that carry the instance's label, running or not."""
        found = self.engine.api.containers(all=True, filters=_of(instance))
        return [container["Names"][0].lstrip("/") for container in found]

    def inspected(self, instance: Instance) -> Any:
        """The instance's only container, as the engine inspects it."""
        [name] = self.containers(instance)
        return self.engine.api.inspect_container(name)

    def volumes(self, instance: Instance) -> list[str]:
        found = self.engine.api.volumes(filters=_of(instance))["Volumes"]
        return [volume["Name"] for volume in found or []]

    def routes(self, hostname: str) -> list[str]:
        """Where the edge sends a name: one address for each route in the table that has it."""
        return [leads_to for name, leads_to in self.table() if name == hostname and ":" in leads_to]

    def table(self) -> list[tuple[str, str]]:
        """Names and where they lead, as Caddy holds them, from every subtree of our name."""
        routes = self.caddy.get(f"/config/apps/http/servers/{_server()}/routes").json()
        ours = [route for route in routes if route.get("@id") == SUBTREE]
        maps = [tree["handle"][0]["routes"][0]["handle"][0] for tree in ours]
        return [(m["input"], m["outputs"][0].split()[0]) for each in maps for m in each["mappings"]]

    def records(self, hostname: str) -> list[Json]:
        found = self.cloudflare.get("dns_records", params={"name": hostname})
        return list(found.raise_for_status().json()["result"])

    def record_add(self, **record: Any) -> str:
        """Somebody adds a record by hand; returns its id."""
        answer = self.cloudflare.post("dns_records", json=record).raise_for_status()
        return str(answer.json()["result"]["id"])

    def record_change(self, record_id: str, **change: Any) -> None:
        """Somebody changes a record by hand."""
        self.cloudflare.patch(f"dns_records/{record_id}", json=change).raise_for_status()

    def doors(self, instance: Instance) -> list[Json]:
        """The applications at Authentik that lead to the bot."""
        found = self.authentik.get("core/applications/", params={"page_size": 100})
        return [a for a in found.json()["results"] if a["slug"].endswith(instance.pk.hex)]

    def people(self, instance: Instance) -> list[str]:
        """The addresses of those whom Authentik lets into the tenant's bots."""
        found = self.authentik.get("core/groups/", params={"page_size": 100}).json()["results"]
        ours = [group for group in found if group["name"].endswith(instance.tenant_id.hex)]
        return sorted(person["email"] for group in ours for person in group["users_obj"])

    def mails(self, instance: Instance) -> list[Json]:
        return self.vendors.messages(to=instance.tenant.email)

    def counted(self, instance: Instance) -> dict[str, int]:
        """How many there are of everything that an instance has."""
        return {
            "containers": len(self.containers(instance)),
            "volumes": len(self.volumes(instance)),
            "routes": len(self.routes(instance.hostname)),
            "records": len(self.records(instance.hostname)),
            "doors": len(self.doors(instance)),
            "documents": Document.objects.filter(cause=instance.reference).count(),
            "mails": len({mail["message_id"] for mail in self.mails(instance)}),
        }

    def clean(self) -> None:
        """Takes away what a test made: of this stack's deployment, and of nobody else's."""
        ours = {"label": f"wopr.deployment={os.environ['WOPR_DEPLOYMENT']}"}
        for container in self.engine.api.containers(all=True, filters=ours):
            self.engine.api.remove_container(container["Id"], force=True, v=True)
        for volume in self.engine.api.volumes(filters=ours)["Volumes"] or []:
            self.engine.api.remove_volume(volume["Name"], force=True)
        self.caddy.delete(f"/id/{SUBTREE}")
        self.vendors.clear()
        for vendor in ("CLOUDFLARE", "MAILBOX", "AUTHENTIK"):
            httpx.post(f"{os.environ[f'SANDBOX_{vendor}_URL']}/_sandbox/reset").raise_for_status()


ONE_OF_EACH = {
    "containers": 1,
    "volumes": 1,
    "routes": 1,
    "records": 1,
    "doors": 1,
    "documents": 1,
    "mails": 1,
}
NOTHING_OUTSIDE = {"containers": 0, "volumes": 0, "routes": 0, "records": 0, "doors": 0}


def inside(world: World, inspected: Any, program: str) -> str:
    """What a Python program prints that runs inside the container, as the bot's user."""
    code, output = world.engine.containers.get(inspected["Id"]).exec_run(["python3", "-c", program])
    assert code == 0, output.decode()
    return str(output.decode().strip())


def run_bot(tenant: Tenant, node: Node, *, slug: str = "") -> Instance:
    """A bot that was provisioned."""
    instance = Instance.objects.create(
        tenant=tenant,
        slug=slug or tenant.slug,
        node=node,
        image=os.environ["WOPR_BOT_IMAGE"],
        memory_mb=256,
        cpu_millis=500,
        pids=128,
        disk_gb=1,
        host_port=free_port(),
    )
    operation = ledger.operation_open(
        kind="provision", subject=instance, tenant=tenant, cause="test"
    )
    runner.run(operation.pk)
    instance.refresh_from_db()
    assert instance.status == Instance.Status.RUNNING
    return instance


def _of(instance: Instance) -> dict[str, str]:
    return {"label": f"wopr.instance={instance.pk}"}


def _server() -> str:
    return os.environ["CADDY_SERVER"]


def authentik_api() -> httpx.Client:
    """Authentik's API, as somebody with a token of it uses it."""
    headers = {"Authorization": f"Bearer {os.environ['AUTHENTIK_API_TOKEN']}"}
    return httpx.Client(base_url=f"{os.environ['AUTHENTIK_URL']}/api/v3", headers=headers)


@pytest.fixture(scope="session")
def opened_world() -> Iterator[World]:
    token = os.environ["CLOUDFLARE_API_TOKEN"]
    with (
        httpx.Client(
            base_url=os.environ["CLOUDFLARE_API_URL"], headers={"Authorization": f"Bearer {token}"}
        ) as api,
        httpx.Client(base_url=os.environ["CADDY_ADMIN_URL"]) as caddy,
        authentik_api() as authentik,
        SandboxControl(
            os.environ["SANDBOX_STRIPE_URL"],
            os.environ["SANDBOX_CLOUDFLARE_URL"],
            os.environ["SANDBOX_MAILBOX_URL"],
            authentik_url=os.environ["SANDBOX_AUTHENTIK_URL"],
        ) as vendors,
    ):
        zone = api.get("zones", params={"name": os.environ["CLOUDFLARE_ZONE"]}).json()["result"][0]
        api.base_url = f"{os.environ['CLOUDFLARE_API_URL']}/zones/{zone['id']}"
        engine = Engine(os.environ["WOPR_STACK_ENGINE"], is_local=True).client()
        yield World(engine, vendors, api, caddy, authentik)
        engine.close()


@pytest.fixture
def world(opened_world: World, settings: Any) -> Iterator[World]:
    """The outside world, emptied of this stack's things before and after."""
    # Django's test environment would keep mails in memory.
    settings.EMAIL_BACKEND = settings.EMAIL_CONFIG["EMAIL_BACKEND"]
    opened_world.clean()
    yield opened_world
    opened_world.clean()
