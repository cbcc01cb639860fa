"""The container engine: one that is there, or Docker Engine started for as long as it is used."""

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException

from sandbox.stack.packages import install
from sandbox.stack.places import SHARED
from sandbox.stack.supervisor import GUARD, Part, StackError, Supervisor, wait_until

OURS = SHARED / "engine"
CONTAINERS = Path(__file__).with_name("containers.py")
HOW_TO_GET_ONE = (
    "no container engine is reachable: start Docker Desktop, or install Docker Engine "
    "(https://docs.docker.com/engine/install/) or Podman and start its socket, then try again"
)


@dataclass(frozen=True)
class Engine:
    """A reachable engine."""

    url: str
    is_local: bool

    def client(self, timeout: int = 60) -> docker.DockerClient:
        """Return a client of the engine."""
        return docker.DockerClient(base_url=self.url, version="auto", timeout=timeout)


def find_or_start_engine(supervisor: Supervisor) -> Engine:
    """Return an engine, starting a shared one where nobody offers any."""
    for url in candidates():
        if is_reachable(url):
            supervisor.say(f"container engine found at {url}")
            return Engine(url, is_local=sys.platform.startswith("linux"))
    if os.getuid() != 0 or not sys.platform.startswith("linux"):
        raise StackError(HOW_TO_GET_ONE)
    if shutil.which("dockerd") is None:
        install(["docker.io"], say=supervisor.say, otherwise=HOW_TO_GET_ONE)
    return start_shared_engine(supervisor)


def candidates() -> list[str]:
    """Return the addresses at which engines usually listen, the chosen one first."""
    if chosen := os.environ.get("DOCKER_HOST"):
        return [chosen]
    home = Path.home()
    run = Path(os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}"))
    sockets = [
        Path("/var/run/docker.sock"),
        run / "docker.sock",
        home / ".docker/run/docker.sock",
        home / ".docker/desktop/docker.sock",
        home / ".colima/default/docker.sock",
        Path("/run/podman/podman.sock"),
        run / "podman/podman.sock",
    ]
    return [f"unix://{socket}" for socket in sockets if socket.exists()]


def is_reachable(url: str) -> bool:
    """Say whether an engine answers."""
    try:
        with_timeout = docker.DockerClient(base_url=url, version="auto", timeout=5)
        with_timeout.close()
    except DockerException:
        return False
    return True


def start_shared_engine(supervisor: Supervisor) -> Engine:
    """Use the machine's shared dockerd, starting it if need be.

    Two dockerds in one network would fight over bridges and filter rules, so all stacks share
    one. Each holds a shared lock for as long as it lives (the kernel lets go of it even after
    `kill -9`); the daemon's guard waits for the exclusive one, and then ends it.
    """
    OURS.mkdir(parents=True, exist_ok=True)
    engine = Engine(f"unix://{OURS / 'docker.sock'}", is_local=True)
    fcntl.flock(os.open(OURS / "users.lock", os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_SH)
    with (OURS / "start.lock").open("w") as only_one:
        fcntl.flock(only_one, fcntl.LOCK_EX)
        if not is_reachable(engine.url):
            spawn_dockerd()
            wait_until(
                lambda: is_reachable(engine.url),
                timeout=60,
                what=f"dockerd to start (see {OURS / 'dockerd.log'})",
            )
    supervisor.say(f"Docker Engine ready at {engine.url}")
    return engine


def spawn_dockerd() -> None:
    """Start dockerd below a guard that outlives this stack while others use the daemon."""
    for leftover in ("docker.sock", "docker.pid", "exec/containerd/containerd.pid"):
        (OURS / leftover).unlink(missing_ok=True)
    guard = [sys.executable, "-I", "-S", str(GUARD), "--grace", "20"]
    guard += ["--watch-lock", str(OURS / "users.lock"), "--"]
    dockerd = ["dockerd", "-H", f"unix://{OURS / 'docker.sock'}", "--group", "root"]
    dockerd += ["--data-root", str(OURS / "data"), "--exec-root", str(OURS / "exec")]
    dockerd += ["--pidfile", str(OURS / "docker.pid"), "--shutdown-timeout", "5"]
    with (OURS / "dockerd.log").open("ab") as log:
        subprocess.Popen(
            [*guard, *dockerd],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def tend_containers(
    supervisor: Supervisor, engine: Engine, mark: tuple[str, str], memory: Path, *, keep: bool
) -> None:
    """Tie the containers to the life of the stack, whoever runs the engine.

    Ours carry the mark: the deployment's name and the repository of its images.
    """
    command: list[str | Path] = [sys.executable, CONTAINERS, engine.url, *mark, memory]
    memory.with_suffix(".ready").unlink(missing_ok=True)
    supervisor.start(
        Part(
            name="containers",
            command=[*command, "--keep" if keep else "--remove"],
            ready=memory.with_suffix(".ready").exists,
            grace=30,
        )
    )
