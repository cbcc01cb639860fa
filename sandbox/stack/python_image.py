"""A base image made of the running Python, for machines that can pull none.

It holds the interpreter, the shared libraries that it and its extension modules need, and the
standard library without what a server never imports.
"""

import hashlib
import io
import os
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import ImageNotFound

LEFT_OUT = {
    *("test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pydoc_data"),
    *("site-packages", "dist-packages", "venv", "distutils", "_tkinter", "__pycache__"),
}
FILES = {
    "etc/passwd": "root:x:0:0::/:/nonexistent\nbot:x:1000:1000::/data:/nonexistent\n",
    "etc/group": "root:x:0:\nbot:x:1000:\n",
}


def local_python_image(client: docker.DockerClient) -> str:
    """Return the name of the base image, making it unless the engine has it."""
    files = list(image_files())
    name = f"wopr-python:{fingerprint(files)}"
    try:
        client.images.get(name)
    except ImageNotFound:
        repository, tag = name.split(":")
        client.api.import_image_from_data(
            archive(files), repository=repository, tag=tag, changes=["ENV PATH=/usr/local/bin"]
        )
    return name


def image_files() -> Iterator[tuple[str, Path]]:
    """Yield each file's name in the image and where it is here."""
    program = Path(sys.executable).resolve()
    library = Path(sysconfig.get_paths()["stdlib"])
    inside = f"usr/local/lib/{library.name}"
    yield "usr/local/bin/python3", program
    binaries = [program]
    for path in sorted(library.rglob("*")):
        relative = path.relative_to(library)
        if path.is_file() and not left_out(relative):
            yield f"{inside}/{relative}", path
            if path.suffix == ".so":
                binaries.append(path)
    yield from ((str(found).lstrip("/"), found) for found in sorted(shared_libraries(binaries)))


def left_out(relative: Path) -> bool:
    """Say whether a file of the standard library stays out of the image."""
    unwanted = relative.suffix == ".a" or relative.parts[0].startswith("config-")
    return unwanted or relative.name.startswith("_test") or not LEFT_OUT.isdisjoint(relative.parts)


def shared_libraries(binaries: list[Path]) -> set[Path]:
    """Return what the dynamic linker would load for these files, and the linker itself."""
    listing = subprocess.run(
        ["ldd", *map(str, binaries)], capture_output=True, text=True, check=False
    ).stdout
    words = (word for line in listing.splitlines() for word in line.split() if "/" in word)
    return {path for word in words if word[-1] != ":" and (path := Path(word)).is_file()}


def fingerprint(files: list[tuple[str, Path]]) -> str:
    """Return a name for the content that changes when any file does."""
    digest = hashlib.sha256(repr(FILES).encode())
    for name, path in files:
        status = path.stat()
        digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def archive(files: list[tuple[str, Path]]) -> bytes:
    """Return the root file system as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder, mode in (("tmp", 0o1777), ("usr/local/bin", 0o755), ("etc", 0o755)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        for name, text in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
        for name, path in files:
            add_file(tar, name, path)
    return buffer.getvalue()


def add_file(tar: tarfile.TarFile, name: str, path: Path) -> None:
    """Add one file, owned by root and readable by all whatever it is here."""
    entry = tar.gettarinfo(os.path.realpath(path), arcname=name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o755 if entry.mode & 0o100 or ".so" in path.name else 0o644
    with path.open("rb") as content:
        tar.addfile(entry, content)
