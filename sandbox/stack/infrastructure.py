"""Everything that the product needs around it, started in order and described by variables."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from sandbox.stack import bot_image, caddy
from sandbox.stack.bot_image import Release, Seed
from sandbox.stack.caddy import Edge, start_caddy
from sandbox.stack.containers import network_of, remove_all
from sandbox.stack.engine import Engine, find_or_start_engine, tend_containers
from sandbox.stack.gateway import url_for_bots
from sandbox.stack.gpu import models_of_nobody, start_gpu_node
from sandbox.stack.nameserver import start_nameserver
from sandbox.stack.places import MACHINE, Folder
from sandbox.stack.postgres import start_postgres
from sandbox.stack.registry import start_registry
from sandbox.stack.slots import Slot, claim_slot, port_is_free
from sandbox.stack.supervisor import StackError, Supervisor, wait_until
from sandbox.stack.valkey import start_valkey
from sandbox.stack.vendors import (
    AUTHENTIK_APPLICATION,
    AUTHENTIK_CLIENT_ID,
    AUTHENTIK_STAFF_GROUP,
    AUTHENTIK_TOKEN,
    CLOUDFLARE_TOKEN,
    DIGITALOCEAN_TOKEN,
    HETZNER_TOKEN,
    STRIPE_KEY,
    Vendors,
    start_vendors,
    webhook_secret,
)

TENANT_DOMAIN = "bots.localhost"
DASHBOARD_HOST = "wopr.localhost"
STAFF_EMAIL = "staff@wopr.localhost"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a caller wants of a stack."""

    folder: Path
    free_ports: bool = False
    keep: bool = True


FIXED_PORTS = {
    "https": 8443,
    "http": 8080,
    "stripe": 8444,
    "cloudflare": 8445,
    "mailbox": 8446,
    "hetzner": 8447,
    "digitalocean": 8448,
    "authentik": 8449,
}


@dataclass
class Infrastructure:
    """The parts around the product and how to reach them."""

    supervisor: Supervisor
    folder: Folder
    slot: Slot
    wishes: Wishes
    edge: Edge
    found: dict[str, str] = field(default_factory=dict)
    engine: Engine | None = None
    vendors: Vendors | None = None

    @property
    def dashboard_url(self) -> str:
        """Return the address of the front door."""
        return f"https://{self.edge.dashboard_host}:{self.edge.https_port}"

    @property
    def web_url(self) -> str:
        """Return the address of the web process behind Caddy."""
        return f"http://127.0.0.1:{self.edge.web_port}"

    def start(self) -> None:
        """Start all parts, side by side where none waits for another."""
        self.supervisor.start_together(
            self._start_database,
            self._start_queue,
            self._start_edge,
            self._start_vendors,
            self._start_nameserver,
            self._start_gpu_node,
            self._start_engine_and_registry,
        )

    def _start_database(self) -> None:
        self.found["DATABASE_URL"] = start_postgres(
            self.supervisor, self.folder, self.slot.port("postgres"), durable=self.wishes.keep
        )

    def _start_queue(self) -> None:
        port = self.slot.port("valkey")
        self.found["REDIS_URL"] = start_valkey(self.supervisor, self.folder, port)

    def _start_edge(self) -> None:
        root = start_caddy(self.supervisor, self.folder, self.edge)
        self.found["WOPR_EDGE_CA_FILE"] = str(root)

    def _start_vendors(self) -> None:
        self.vendors = start_vendors(
            self.supervisor,
            self.folder,
            shop_url=self.dashboard_url,
            webhook_url=f"{self.web_url}/api/webhook/stripe",
            zones=(TENANT_DOMAIN, DASHBOARD_HOST),
            ports={} if self.wishes.free_ports else FIXED_PORTS,
        )

    def _start_nameserver(self) -> None:
        ports = self.slot.port("dns"), self.slot.port("dns control")
        self.found["WOPR_RESOLVERS"] = start_nameserver(self.supervisor, TENANT_DOMAIN, *ports)
        self.found["SANDBOX_NAMESERVER_URL"] = f"http://127.0.0.1:{ports[1]}"

    def _start_gpu_node(self) -> None:
        port, token = self.slot.port("gpu"), self.folder.secret("gpu node token")
        start_gpu_node(self.supervisor, port, token)
        self.found |= {
            "GPU_NODE_HOST": "127.0.0.1",
            "GPU_NODE_PORTS": ",".join([str(port)] * 4),
            "GPU_NODE_TOKEN": token,
            "GPU_NODE_SECRET": self.folder.secret("gpu node secret"),
            "WOPR_GPU_MODELS": models_of_nobody(),
        }

    def _start_engine_and_registry(self) -> None:
        supervisor, folder = self.supervisor, self.folder
        engine = self.engine = find_or_start_engine(supervisor)
        seed = Seed(folder)
        seed.plant()
        port = self.slot.port("registry")
        registry = start_registry(supervisor, folder, engine, port)
        if not bot_image.has_release(registry):
            supervisor.say("building the reference bot's image")
            bot_image.push_release(engine, registry, Release())
            seed.keep()
        self.found["WOPR_STACK_REGISTRY"] = registry
        if self.slot.predecessor is not None:
            # Its network would overlap with ours.
            remove_all(engine.client(), self.slot.predecessor, bot_image.repository_at(port))
        refuse_overlap(engine, folder.deployment, self.slot)
        tend_containers(
            supervisor,
            engine,
            (folder.deployment, bot_image.repository_at(port)),
            folder.path / "stopped-containers",
            keep=self.wishes.keep,
        )

    def environment(self) -> dict[str, str]:
        """Return the product's variables, and a few more for tests."""
        if self.engine is None or self.vendors is None:
            raise StackError("the stack is not started")
        return {
            **self._product_environment(),
            **self._outside_environment(self.vendors),
            **self.found,
            "WOPR_STACK_FOLDER": str(self.folder.path),
            "WOPR_STACK_WEB_PORT": str(self.edge.web_port),
            "WOPR_STACK_HTTP_PORT": str(self.edge.http_port),
            "WOPR_STACK_ENGINE": self.engine.url,
            "SANDBOX_STRIPE_URL": self.vendors.stripe,
            "SANDBOX_CLOUDFLARE_URL": self.vendors.cloudflare.split("/client/")[0],
            "SANDBOX_MAILBOX_URL": self.vendors.mailbox,
            "SANDBOX_HETZNER_URL": self.vendors.hetzner.removesuffix("/v1"),
            "SANDBOX_DIGITALOCEAN_URL": self.vendors.digitalocean,
            "SANDBOX_AUTHENTIK_URL": self.vendors.authentik.removesuffix("/api/v3"),
        }

    def _product_environment(self) -> dict[str, str]:
        folder, edge = self.folder, self.edge
        # Inside another stack (a test, say) these variables are that stack's, not a person's.
        chosen = {} if "WOPR_STACK_FOLDER" in os.environ else os.environ
        image = f"{self.found['WOPR_STACK_REGISTRY']}/wopr:latest"
        return {
            "DJANGO_SETTINGS_MODULE": "wopr.settings",
            "WOPR_ENV": "development",
            "SECRET_KEY": folder.secret("django secret key"),
            "DEBUG": "0",
            "ALLOWED_HOSTS": f"{edge.dashboard_host},{edge.api_host},127.0.0.1,localhost",
            "WOPR_API_HOST": edge.api_host,
            "CSRF_TRUSTED_ORIGINS": self.dashboard_url,
            "WOPR_FIELD_KEYS": folder.field_key(),
            "WOPR_DEPLOYMENT": folder.deployment,
            "WOPR_DASHBOARD_URL": self.dashboard_url,
            "WOPR_TENANT_DOMAIN": edge.tenant_domain,
            "WOPR_EDGE_PORT": str(edge.https_port),
            "WOPR_EDGE_PROBE_ADDRESS": f"127.0.0.1:{edge.https_port}",
            "WOPR_EDGE_IPV4": "127.0.0.1",
            "CADDY_ADMIN_URL": edge.admin_url,
            "CADDY_SERVER": caddy.SERVER,
            "CADDY_STORAGE": str(caddy.storage_of(folder)),
            "WOPR_BOT_IMAGE": chosen.get("WOPR_BOT_IMAGE") or image,
            "WOPR_MORE_REGISTRIES": self.found["WOPR_STACK_REGISTRY"],
            "WOPR_ENGINE_NETWORK": network_of(folder.deployment),
            "WOPR_ENGINE_SUBNET": self.slot.subnet,
            "WOPR_PORT_RANGE": self.slot.bot_ports,
            "WOPR_INFERENCE_URL": url_for_bots(self.slot.subnet, edge.gateway_port),
            "LOG_LEVEL": chosen.get("LOG_LEVEL", "INFO"),
            "WOPR_OPERATION_LEASE_SECONDS": chosen.get("WOPR_OPERATION_LEASE_SECONDS", "30"),
        }

    def _outside_environment(self, vendors: Vendors) -> dict[str, str]:
        return {
            "STRIPE_SECRET_KEY": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": webhook_secret(self.folder),
            "STRIPE_API_URL": vendors.stripe,
            "CLOUDFLARE_API_TOKEN": CLOUDFLARE_TOKEN,
            "CLOUDFLARE_ZONE": self.edge.tenant_domain,
            "CLOUDFLARE_MORE_ZONES": self.edge.dashboard_host,
            "CLOUDFLARE_API_URL": vendors.cloudflare,
            "HETZNER_API_TOKEN": HETZNER_TOKEN,
            "HETZNER_API_URL": vendors.hetzner,
            "DIGITALOCEAN_API_TOKEN": DIGITALOCEAN_TOKEN,
            "DIGITALOCEAN_API_URL": vendors.digitalocean,
            "AUTHENTIK_URL": vendors.authentik.removesuffix("/api/v3"),
            "AUTHENTIK_API_TOKEN": AUTHENTIK_TOKEN,
            "AUTHENTIK_APPLICATION": AUTHENTIK_APPLICATION,
            "AUTHENTIK_CLIENT_ID": AUTHENTIK_CLIENT_ID,
            "AUTHENTIK_CLIENT_SECRET": self.folder.secret("authentik client secret"),
            "AUTHENTIK_STAFF_GROUP": AUTHENTIK_STAFF_GROUP,
            "EMAIL_URL": vendors.smtp,
            "DEFAULT_FROM_EMAIL": "WOPR <hello@wopr.localhost>",
        }


@contextmanager
def started_infrastructure(wishes: Wishes) -> Iterator[Infrastructure]:
    """Start the parts around the product; stop them in reverse whatever happens."""
    folder = Folder(wishes.folder)
    slot = claim_slot(folder, keep=wishes.keep)
    supervisor = Supervisor(folder.logs)
    infrastructure = Infrastructure(supervisor, folder, slot, wishes, choose_edge(slot, wishes))
    try:
        infrastructure.start()
        yield infrastructure
    finally:
        supervisor.say("stopping")
        supervisor.stop()
        if not wishes.keep:
            folder.remove()
        slot.release()


@contextmanager
def temporary_infrastructure() -> Iterator[Infrastructure]:
    """Start the parts in a folder, and on ports, that nobody else has."""
    with tempfile.TemporaryDirectory(prefix="wopr-stack-", dir=MACHINE) as folder:
        wishes = Wishes(folder=Path(folder), free_ports=True, keep=False)
        with started_infrastructure(wishes) as parts:
            yield parts


def refuse_overlap(engine: Engine, deployment: str, slot: Slot) -> None:
    """Say early that somebody else's network has our addresses; no bot could be started."""
    ours = ip_network(slot.subnet)
    for network in engine.client().api.networks():
        pools = (network["IPAM"] or {}).get("Config") or []
        subnets = [ip_network(pool["Subnet"]) for pool in pools]
        taken = [subnet for subnet in subnets if subnet.version == 4 and ours.overlaps(subnet)]
        if taken and network["Name"] != network_of(deployment):
            raise StackError(
                f"the engine's network {network['Name']} has addresses of {slot.subnet}; "
                f"remove it (docker -H {engine.url} network rm {network['Name']}), "
                "or delete the file `slot` in this stack's folder to get others"
            )


def choose_edge(slot: Slot, wishes: Wishes) -> Edge:
    """Return where Caddy will listen."""
    fixed = {} if wishes.free_ports else FIXED_PORTS
    for port in fixed.values():
        # A stack that was killed a moment ago is still letting go of it.
        what = f"port {port}, which is in use; free it, or give --free-ports:"
        wait_until(partial(port_is_free, port), timeout=10, what=what)
    return Edge(
        dashboard_host=DASHBOARD_HOST,
        tenant_domain=TENANT_DOMAIN,
        admin_port=slot.port("caddy admin"),
        https_port=fixed.get("https") or slot.port("https"),
        http_port=fixed.get("http") or slot.port("http"),
        web_port=slot.port("web"),
        gateway_port=slot.port("gateway"),
    )
