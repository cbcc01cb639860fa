"""deploy.sh brings a release to a machine by SSH, and takes back one that is not healthy there.

The machine is this one behind a door of its own: an sshd, Compose and the stack's engine. What is
deployed is small, and has the services, tags and health checks that compose.yaml has.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from sandbox.stack import python_image
from sandbox.stack.compose_project import program
from tests.fleet.machines import Door, door

__all__ = ["door"]
ROOT = Path(__file__).resolve().parents[2]
NAME = "wopr-deployed"
PUSHED = f"{os.environ['WOPR_STACK_REGISTRY']}/{NAME}"
READ = "print(open('/name').read(), end='')"
ENTRY = """\
import http.server, pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
words, fault = sys.argv[1:], pathlib.Path("/fault").read_text().strip()
if words == ["healthy"]:
    sys.exit(fault == "ill")
if words and words[0] in ("echo", "migrate", "manage"):
    print(*words, "by", pathlib.Path("/name").read_text())
    sys.exit(words[0] == fault)
signal.pause()
"""
DOCKERFILE = """\
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
ARG REVISION
COPY entry.py fault name /
HEALTHCHECK --interval=1s --timeout=30s --start-period=1s --retries=2 \\
    CMD ["python3", "/entry.py", "healthy"]
ENTRYPOINT ["python3", "/entry.py"]
"""
COMPOSE = """\
services:
  postgres: &quiet {image: "${WOPR_IMAGE}", command: [postgres], stop_grace_period: 1s}
  redis: *quiet
  migrate: {image: "${WOPR_IMAGE}", command: [migrate], healthcheck: {disable: true}}
  platform-api:
    image: "${WOPR_IMAGE}"
    command: [platform-api]
    deploy: {replicas: "${REPLICAS:-2}"}
    depends_on: {migrate: {condition: service_completed_successfully}}
  worker: {image: "${WOPR_IMAGE}", command: [worker]}
"""


@dataclass
class Way:
    """The operator's clone, and the way to the machine."""

    clone: Path
    folder: Path
    environment: dict[str, str]
    engine: docker.DockerClient

    def deploy(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.clone / "containers" / "deploy.sh", *words],
            env=self.environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def change(self, text: str, *, fault: str = "") -> str:
        """Another revision; returns its short name."""
        (self.clone / "entry.py").write_text(ENTRY)
        (self.clone / "name").write_text(text)
        (self.clone / "fault").write_text(fault)
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--message", text)
        return git(self.clone, "rev-parse", "--short=12", "HEAD")

    def running(self) -> dict[str, str]:
        """Id of each container that serves or works, and the release it is of."""
        found = self.engine.api.containers(filters={"label": f"com.docker.compose.project={NAME}"})
        serving = ("platform-api", "worker")
        return {
            each["Id"]: each["Image"].rpartition(":")[2]
            for each in found
            if each["Labels"]["com.docker.compose.service"] in serving
        }

    def names(self) -> list[str]:
        """What is written in the image of each: a tag says nothing once it has moved."""
        containers = [self.engine.containers.get(each) for each in self.running()]
        return [each.exec_run(["python3", "-c", READ]).output.decode() for each in containers]


def git(folder: Path, *words: str) -> str:
    said = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True)
    return said.stdout.strip()


@pytest.fixture
def way(door: Door, tmp_path: Path) -> Iterator[Way]:
    engine = docker.DockerClient(base_url=os.environ["WOPR_STACK_ENGINE"], timeout=120)
    clone, folder = tmp_path / "clone", tmp_path / NAME
    (clone / "containers").mkdir(parents=True)
    shutil.copy(ROOT / "containers" / "deploy.sh", clone / "containers")
    (clone / "Dockerfile").write_text(DOCKERFILE)
    (clone / "compose.yaml").write_text(COMPOSE)
    git(clone, "init", "--quiet")
    for name in ("user.name", "user.email"):
        git(clone, "config", name, "test@example.com")
    prepare_machine(folder)
    yield Way(clone, folder, surroundings(door, tmp_path, folder, engine), engine)
    tidy(engine)


def prepare_machine(folder: Path) -> None:
    (folder / "secrets").mkdir(parents=True)
    folder.chmod(0o700)
    (folder / "secrets" / "BACKUP_PASSWORD").write_text("kept in another place")
    (folder / ".env").write_text(f"COMPOSE_PROJECT_NAME={NAME}\n")


def surroundings(
    door: Door, tmp_path: Path, folder: Path, engine: docker.DockerClient
) -> dict[str, str]:
    """Compose as a plugin of the CLI, here and there, and an SSH that asks nothing."""
    plugins = tmp_path / "docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-compose").symlink_to(program())
    port = door.url.rpartition(":")[2]
    ways = f"ssh -p {port} -i {door.folder}/client -o BatchMode=yes -o LogLevel=ERROR"
    ways += " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    # What the far side's login would set.
    ways += f" -o SetEnv=DOCKER_CONFIG={tmp_path}/docker"
    return {
        **os.environ,
        "DOCKER_HOST": os.environ["WOPR_STACK_ENGINE"],
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "DOCKER_BUILDKIT": "0",
        "WOPR_FOLDER": str(folder),
        "WOPR_SSH": ways,
        "WOPR_IMAGE_NAME": NAME,
        "WOPR_BUILD_OPTIONS": f"--build-arg PYTHON_IMAGE={python_image.local_python_image(engine)}",
    }


def tidy(engine: docker.DockerClient) -> None:
    for each in engine.api.containers(
        all=True, filters={"label": f"com.docker.compose.project={NAME}"}
    ):
        engine.api.remove_container(each["Id"], force=True, v=True)
    for network in engine.networks.list(names=[f"{NAME}_default"]):
        network.remove()
    for name in (NAME, PUSHED):
        for image in engine.images.list(name):
            engine.api.remove_image(image.id, force=True)


def test_a_life_of_releases(way: Way) -> None:
    """Installed, left alone, updated, saved from one that is ill, and rolled back."""
    first = way.change("one")
    done = way.deploy("root@127.0.0.1")
    assert done.returncode == 0, done.stderr
    installed = way.running()
    assert sorted(installed.values()) == [first] * 3

    again = way.deploy("root@127.0.0.1")
    assert "runs already and is healthy" in again.stdout
    assert way.running() == installed

    with (way.folder / ".env").open("a") as settings:
        settings.write("REPLICAS=3\n")
    assert "runs already and is healthy" in way.deploy("root@127.0.0.1").stdout
    assert sorted(way.running().values()) == [first] * 4
    assert way.running().keys() > installed.keys()

    second = way.change("two")
    updated = way.deploy("root@127.0.0.1")
    assert updated.returncode == 0, updated.stderr
    said = updated.stdout
    assert said.index("backing up") < said.index("migrating") < said.index("worker is healthy")
    assert sorted(way.running().values()) == [second] * 4

    way.change("three", fault="ill")
    ill = way.deploy("root@127.0.0.1")
    assert ill.returncode != 0
    assert f"{NAME}:{second} runs again" in ill.stderr
    assert sorted(way.running().values()) == [second] * 4

    assert way.deploy("--status", "root@127.0.0.1").returncode == 0
    back = way.deploy("--rollback", "root@127.0.0.1")
    assert back.returncode == 0, back.stderr
    assert sorted(way.running().values()) == [first] * 4


def test_nothing_is_changed_when_it_could_not_be_taken_back(way: Way) -> None:
    first = way.change("one", fault="manage")
    assert way.deploy("root@127.0.0.1").returncode == 0
    way.change("two")

    refused = way.deploy("root@127.0.0.1")

    assert "the backup failed; nothing was changed" in refused.stderr
    assert sorted(way.running().values()) == [first] * 3
    (way.folder / ".env").unlink()
    assert ".env is missing" in way.deploy("root@127.0.0.1").stderr


def test_an_operator_goes_back_and_forth(way: Way) -> None:
    first = way.change("one")
    assert way.deploy("root@127.0.0.1").returncode == 0
    second = way.change("two")
    assert way.deploy("root@127.0.0.1").returncode == 0

    assert way.deploy("--rollback", "root@127.0.0.1").returncode == 0
    assert sorted(way.running().values()) == [first] * 3
    assert way.deploy("--rollback", "root@127.0.0.1").returncode == 0
    assert sorted(way.running().values()) == [second] * 3


def test_a_pulled_release_is_preceded_by_a_backup_of_the_one_that_runs(way: Way) -> None:
    way.environment["WOPR_IMAGE_NAME"] = PUSHED
    for text in ("one", "two"):
        way.change(text)
        assert way.deploy("--build-only").returncode == 0
        way.engine.images.push(PUSHED, "latest")
        pulled = way.deploy("--update", "--pull", "root@127.0.0.1")
        assert pulled.returncode == 0, pulled.stderr
    assert re.search("manage backup_platform .* by one", pulled.stdout)
    assert re.search("migrate by two", pulled.stdout)
    assert way.deploy("--rollback", "root@127.0.0.1").returncode == 0
    assert way.names() == ["one"] * 3
