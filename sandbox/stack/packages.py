"""Debian packages that the stack and the tests use, installed where that is ours to do."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox.stack.places import CACHE
from sandbox.stack.supervisor import StackError

# What `make run` needs at least, and what the tests and the rendering of documents add.
TO_RUN = (
    "docker.io",
    "docker-registry",
    "restic",
    "libpango-1.0-0",
    "libpangoft2-1.0-0",
    "libharfbuzz-subset0",
    "fonts-dejavu-core",
)
TO_TEST = (
    *TO_RUN,
    "chromium",
    "poppler-utils",
    "busybox-static",
    "openssh-server",
    "gnupg",
    "nftables",
    "podman",
    "netavark",
    "catatonit",
    "iptables",
    "iproute2",
    "procps",
    "systemd",
    "xz-utils",
)


# Quadlets came with Podman 4.4, and Debian 12 has an older one; the generator of the next Debian's
# package runs here as well.
NEXT_DEBIAN = "trixie"
GENERATOR = Path("usr/libexec/podman/quadlet")
SOURCE = (
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
    f"http://deb.debian.org/debian {NEXT_DEBIAN} main\n"
)


def quadlet_generator() -> Path:
    """Return Podman's generator of units: the system's, or one taken from Debian's package."""
    own, kept = Path("/") / GENERATOR, CACHE / "podman" / GENERATOR
    if own.exists() or kept.exists():
        return own if own.exists() else kept
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        here = Path(folder)
        (here / "sources.list").write_text(SOURCE)
        (here / "lists" / "partial").mkdir(parents=True)
        apart = [f"Dir::Etc::SourceList={here}/sources.list", "Dir::Etc::SourceParts=/dev/null"]
        apart += [f"Dir::State::Lists={here}/lists", "APT::Sandbox::User=root"]
        options = [word for option in apart for word in ("-o", option)]
        apt(*options, "update", environment=dict(os.environ))
        apt(*options, "download", "podman", environment=dict(os.environ), folder=here)
        [package] = here.glob("podman_*.deb")
        subprocess.run(["dpkg-deb", "--extract", package, here / "podman"], check=True)
        (here / "podman").rename(CACHE / "podman")
    return kept


def missing(packages: Sequence[str]) -> list[str]:
    """Return those packages that are not installed."""
    command = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Abbrev}\n"]
    known = subprocess.run([*command, *packages], capture_output=True, text=True, check=False)
    installed = {line.split()[0] for line in known.stdout.splitlines() if " ii" in line}
    return [package for package in packages if package not in installed]


def can_install() -> bool:
    """Say whether this is a Debian machine on which we are root."""
    return os.getuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str], *, say: Callable[[str], None], otherwise: str) -> None:
    """Install packages by apt; where that is impossible say what to do instead."""
    if not can_install():
        raise StackError(otherwise)
    say(f"installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt("update", environment=environment)
    apt("install", "--yes", "--no-install-recommends", *packages, environment=environment)


def apt(*arguments: str, environment: dict[str, str], folder: Path | None = None) -> None:
    """Run apt-get and raise with its own words when it fails."""
    ended = subprocess.run(
        ["apt-get", "--quiet", *arguments],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise StackError(f"apt-get {' '.join(arguments)} failed:\n{ended.stdout[-2000:]}")


def unpacked(package: str) -> Path:
    """Return the files of a package that must not be installed here, such as one that boots."""
    folder = CACHE / "packages" / package
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            download = subprocess.run(
                ["apt-get", "--quiet", "download", package],
                cwd=work, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if download.returncode != 0:
                raise StackError(f"apt-get download {package} failed:\n{download.stderr[-2000:]}")
            (archive,) = Path(work).glob("*.deb")
            subprocess.run(["dpkg-deb", "--extract", archive, f"{work}/files"], check=True)
            folder.parent.mkdir(exist_ok=True)
            Path(f"{work}/files").rename(folder)
    return folder


def ensure(packages: Sequence[str], *, say: Callable[[str], None]) -> None:
    """Install what is missing on Debian as root; elsewhere say once what may be needed."""
    if shutil.which("dpkg-query") is None:
        say("not Debian: Pango (for PDFs) and Chromium (for browser tests) come from your system")
        return
    if absent := missing(packages):
        install(absent, say=say, otherwise=f"please run: sudo apt-get install {' '.join(absent)}")
