"""A machine that boots as a GPU node, on a Debian root, and the network around it.

The script, apt, curl, gpg, OpenSSL and Python are real. NVIDIA's and the distribution's packages
hold programs that say yes, and come from a signed repository on loopback; so do the models. What
the machine reports goes to the platform's own address for it, and answers get lost on the way.
"""

import base64
import hashlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from django.db import connections
from django.test import Client
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from gpu.models import GpuNode
from sandbox.stack.local_images import debian_root

ADDRESS = "203.0.113.7"
PACKAGES = "python3,ca-certificates,curl,openssl,gnupg"
KEY = "Vendor <vendor@example.com>"
# Repositories by their paths, with the packages in them and what each puts into /usr/bin.
SOURCES: dict[str, dict[str, dict[str, str]]] = {
    # The card works only after a reboot.
    "drivers": {"cuda-drivers": {"nvidia-smi": "[ -e /rebooted ]"}},
    "toolkit/stable/deb/amd64": {"nvidia-container-toolkit": {"nvidia-ctk": "exit 0"}},
    "ubuntu": {
        "docker.io": {"docker": 'echo "$@" >> /docker-was-told'},
        "docker-compose-v2": {"docker-compose": "exit 0"},
    },
}
FILES = ("llama.gguf", "qwen.gguf", "chatterbox/ve.pt")  # of models
SYSTEMCTL = '#!/bin/sh\nif [ "$1" = reboot ]; then touch /rebooted; fi\n'


@dataclass
class Network:
    """What the machine reaches: the vendors' files, and the platform."""

    vendors: Path
    reports: list[tuple[str, int]] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)  # stages whose first answer does not arrive
    broken_off: bool = False

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/internal/gpu/register", self.register, methods=["POST"]),
                Route("/models/{name:path}", self.model),
                Route("/{path:path}", self.file),
            ]
        )

    async def register(self, request: Request) -> Response:
        """Passed to the platform from the address that the provider gave the machine."""
        stage, body = request.query_params["stage"], await request.body()
        token = request.headers["authorization"]
        status, answer = await run_in_threadpool(_platform, stage, body, token)
        self.reports.append((stage, status))
        if stage in self.lost:
            self.lost.remove(stage)
            return Response("the answer is lost", 502)
        return Response(answer, status, media_type="application/json")

    async def model(self, request: Request) -> Response:
        """Breaks off in the middle, the first time."""
        content = (self.vendors / request.path_params["name"]).read_bytes()
        start = int(request.headers.get("range", "bytes=0-")[len("bytes=") : -1])
        is_first, self.broken_off = not self.broken_off, True

        async def pieces() -> AsyncIterator[bytes]:
            yield content[start : len(content) // 2 if is_first else None]

        headers = {"Content-Length": str(len(content) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return StreamingResponse(pieces(), 206 if start else 200, headers=headers)

    async def file(self, request: Request) -> Response:
        path = self.vendors / request.path_params["path"]
        return FileResponse(path) if path.exists() else Response(status_code=404)


def _platform(stage: str, body: bytes, token: str) -> tuple[int, bytes]:
    try:
        answer = Client().post(
            f"/internal/gpu/register?stage={stage}",
            body,
            content_type="application/json",
            headers={"Authorization": token},
            REMOTE_ADDR=ADDRESS,
        )
    finally:
        connections.close_all()
    if answer.json().get("code") == "too_early":
        GpuNode.objects.update(address=ADDRESS)
    return answer.status_code, answer.content


@dataclass
class Computer:
    """The machine: a root of its own, as its image and cloud-init leave it."""

    root: Path

    def is_born(self, user_data: str) -> None:
        for file in yaml.safe_load(user_data)["write_files"]:
            content = file["content"].encode()
            path = self.root / file["path"].lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(base64.b64decode(content) if "encoding" in file else content)
            path.chmod(int(file["permissions"], 8))

    def boots(self) -> "subprocess.CompletedProcess[str]":
        """What its unit wopr-boot does, once."""
        alone = [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            f"--mount-proc={self.root}/proc",
        ]
        return subprocess.run(
            [*alone, "chroot", self.root, "/opt/wopr/boot.sh"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "WOPR_PATIENCE": "0"},
            capture_output=True,
            text=True,
            timeout=240,
        )

    def file(self, path: str) -> Path:
        return self.root / path.lstrip("/")


def computer(folder: Path, mirror: str) -> Computer:
    """A machine whose distribution has its packages at the mirror."""
    root = folder / "root"
    root.mkdir()
    run("tar", "--extract", f"--file={debian_root(PACKAGES)}", f"--directory={root}")
    made = Computer(root)
    made.file("/etc/apt/sources.list").write_text(f"deb [trusted=yes] {mirror}/ubuntu /\n")
    made.file("/usr/bin/systemctl").write_text(SYSTEMCTL)
    made.file("/usr/bin/systemctl").chmod(0o755)
    return made


def vendors(folder: Path) -> Path:
    """Signed repositories, their key under the names that NVIDIA has for it, and models."""
    here = folder / "vendors"
    gpg = ["gpg", "--homedir", str(folder), "--batch", "--quiet"]
    run(*gpg, "--passphrase", "", "--quick-generate-key", KEY, "ed25519", "sign", "never")
    for path, packages in SOURCES.items():
        _repository(here / path, packages, gpg)
    for name in ("drivers/3bf863cc.pub", "toolkit/gpgkey"):
        run(*gpg, "--armor", "--output", str(here / name), "--export", KEY)
    run("gpgconf", "--homedir", str(folder), "--kill", "gpg-agent")
    (here / "chatterbox").mkdir()
    for name in FILES:
        (here / name).write_bytes(name.encode() * 50_000)
    return here


def _repository(folder: Path, packages: dict[str, dict[str, str]], gpg: list[str]) -> None:
    folder.mkdir(parents=True)
    index = "".join(_package(folder, name, programs) for name, programs in packages.items())
    (folder / "Packages").write_text(index)
    listed = f"SHA256:\n {_sha256(folder / 'Packages')} {len(index)} Packages\n"
    (folder / "Release").write_text(f"Date: Sat, 21 Nov 2026 00:00:00 UTC\n{listed}")
    run(*gpg, "--clearsign", "--output", str(folder / "InRelease"), str(folder / "Release"))


def download(file: Path, url: str) -> str:
    """A line of WOPR_GPU_MODELS."""
    name = next((name for name in FILES if file.match(name)), file.name)
    return f"{name} {_sha256(file)} {url}/models/{name}"


def _package(folder: Path, name: str, programs: dict[str, str]) -> str:
    """Makes the package; returns its entry in the index."""
    content = folder / f"{name}.content"
    (content / "DEBIAN").mkdir(parents=True)
    control = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: {KEY}\n"
    (content / "DEBIAN" / "control").write_text(f"{control}Description: says yes\n")
    (content / "usr" / "bin").mkdir(parents=True)
    for program, body in programs.items():
        (content / "usr" / "bin" / program).write_text(f"#!/bin/sh\n{body}\n")
        (content / "usr" / "bin" / program).chmod(0o755)
    made = folder / f"{name}.deb"
    run("dpkg-deb", "--build", "--root-owner-group", str(content), str(made))
    facts = f"Filename: ./{made.name}\nSize: {made.stat().st_size}\nSHA256: {_sha256(made)}\n"
    return f"{control}{facts}Description: says yes\n\n"


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def run(*command: Any) -> None:
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
