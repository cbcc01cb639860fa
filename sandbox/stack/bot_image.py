"""The reference bot as an image: built once per content, pushed to a stack's registry.

`python -m sandbox.stack.bot_image --engine URL --registry HOST:PORT [--version 1.1.0] [--broken]`
pushes another release behind the same moving tag and prints its digest.
"""

import argparse
import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import docker
import httpx
from docker.errors import DockerException, ImageNotFound

from sandbox.stack import python_image
from sandbox.stack.engine import Engine
from sandbox.stack.places import CACHE, REPOSITORY, Folder
from sandbox.stack.supervisor import StackError

BOT = REPOSITORY / "sandbox" / "bot"
REPOSITORY_NAME = "wopr"
MOVING_TAG = "latest"
DIGEST_HEADER = "Docker-Content-Digest"
PULLED_BASE = "python:3.11-slim"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class Release:
    """One version of the reference bot; a broken one never gets healthy.

    `fault` is what else is wrong with it: "crashing" or "forgetful".
    """

    version: str = "1.0.0"
    healthy: bool = True
    fault: str = ""

    @property
    def arguments(self) -> dict[str, str]:
        """Return the build arguments."""
        healthy = "yes" if self.healthy else "no"
        return {"BOT_VERSION": self.version, "BOT_HEALTHY": healthy, "BOT_FAULT": self.fault}


def repository_at(port: int) -> str:
    """Return the name of the bot's repository in a registry on loopback."""
    return f"127.0.0.1:{port}/{REPOSITORY_NAME}"


def push_release(engine: Engine, registry: str, release: Release) -> str:
    """Build and push a release if need be, move the tag to it, and return its digest."""
    client = engine.client(timeout=300)
    try:
        base = os.environ.get("PYTHON_IMAGE") or base_image(client)
        own_tag = content_hash(base, release)
        if not has_tag(registry, own_tag):
            push(client, build(client, release, base), f"{registry}/{REPOSITORY_NAME}", own_tag)
    except DockerException as error:
        raise StackError(f"the bot image was not built and pushed: {error}") from error
    move_tag(registry, own_tag)
    return digest(registry)


def push(client: docker.DockerClient, local: str, repository: str, tag: str) -> None:
    """Push an image of the engine under that name."""
    client.api.tag(local, repository, tag)
    for line in client.api.push(repository, tag=tag, stream=True, decode=True):
        if "error" in line:
            raise StackError(f"the bot image was not pushed: {line['error']}")
    # Without the local name an engine that "has" the image must still ask the registry.
    client.api.remove_image(f"{repository}:{tag}", noprune=True)


def move_tag(registry: str, tag: str) -> None:
    """Have the moving tag name what this tag names."""
    manifests = f"http://{registry}/v2/{REPOSITORY_NAME}/manifests"
    manifest = httpx.get(f"{manifests}/{tag}", headers={"Accept": MANIFEST}, timeout=10)
    headers = {"Content-Type": manifest.raise_for_status().headers["Content-Type"]}
    moved = httpx.put(
        f"{manifests}/{MOVING_TAG}", content=manifest.content, headers=headers, timeout=10
    )
    moved.raise_for_status()


def build(client: docker.DockerClient, release: Release, base: str) -> str:
    """Return the local name of the release's image, building it unless the engine has it."""
    name = f"wopr-bot:{content_hash(base, release)}"
    try:
        client.images.get(name)
    except ImageNotFound:
        arguments = {"PYTHON_IMAGE": base, **release.arguments}
        client.images.build(path=str(BOT), tag=name, buildargs=arguments, rm=True, forcerm=True)
    return name


def base_image(client: docker.DockerClient) -> str:
    """Return a Linux image with Python; only a Linux machine can make one of its own Python."""
    if sys.platform.startswith("linux"):
        return python_image.local_python_image(client)
    client.images.pull(PULLED_BASE)
    return PULLED_BASE


def content_hash(base: str, release: Release) -> str:
    """Return a name for everything that goes into the image."""
    parts = [base, repr(release), *((BOT / n).read_text() for n in ("Dockerfile", "bot.py"))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def digest(registry: str) -> str:
    """Return the digest that the registry has behind the moving tag."""
    url = f"http://{registry}/v2/{REPOSITORY_NAME}/manifests/{MOVING_TAG}"
    answer = httpx.head(url, headers={"Accept": MANIFEST}, timeout=10)
    answer.raise_for_status()
    return str(answer.headers[DIGEST_HEADER])


def has_release(registry: str) -> bool:
    """Say whether anything was pushed yet."""
    return has_tag(registry, MOVING_TAG)


def has_tag(registry: str, tag: str) -> bool:
    """Say whether the registry has the bot's image by that tag."""
    url = f"http://{registry}/v2/{REPOSITORY_NAME}/tags/list"
    answer = httpx.get(url, timeout=10)
    return answer.status_code == httpx.codes.OK and tag in (answer.json()["tags"] or [])


class Seed:
    """A copy of a registry's folder that holds the first release, so a push costs nothing."""

    def __init__(self, folder: Folder) -> None:
        recipe = Path(python_image.__file__).read_text() + Path(__file__).read_text() + sys.version
        key = content_hash(os.environ.get("PYTHON_IMAGE", recipe), Release())
        self.kept = CACHE / "registry" / key
        self.used = folder.path / "registry"

    def plant(self) -> None:
        """Put the kept copy where a new registry will look."""
        if self.kept.exists() and not self.used.exists():
            shutil.copytree(self.kept, self.used)

    def keep(self) -> None:
        """Keep a copy of what the registry holds now."""
        if self.used.exists() and not self.kept.exists():
            unfinished = self.kept.with_name(f"{self.kept.name}.{os.getpid()}")
            shutil.copytree(self.used, unfinished)
            shutil.rmtree(self.kept, ignore_errors=True)
            unfinished.rename(self.kept)


def main() -> None:
    """Push a release from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default=os.environ.get("WOPR_STACK_ENGINE"))
    parser.add_argument("--registry", default=os.environ.get("WOPR_STACK_REGISTRY"))
    parser.add_argument("--version", default="1.0.0")
    parser.add_argument("--broken", action="store_true")
    options = parser.parse_args()
    engine = Engine(options.engine, is_local=True)
    release = Release(options.version, healthy=not options.broken)
    print(push_release(engine, options.registry, release))


if __name__ == "__main__":
    main()
