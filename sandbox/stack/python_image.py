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
    *("site-packages", "dist-packages", "venv", "distutils"),
}
# Modules whose libraries would bring half a desktop with them, or a terminal.
UNWANTED_MODULES = ("_tkinter.", "readline.", "_curses", "_gdbm.", "_dbm.", "nis.", "_test", "xx")
SYSTEM_FOLDERS = ("/lib", "/usr/lib")
FILES = {
    # pragma: allowlist nextline secret
    "etc/passwd": "root:x:0:0::/:/nonexistent\nbot:x:1000:1000::/data:/nonexistent\n",
    "etc/group": "root:x:0:\nbot:x:1000:\n",
}


def local_python_image(client: docker.DockerClient) -> str:
    """Return the name of the base image, making it unless the engine has it."""
    program = Path(sys.executable).resolve()
    library = dict(library_files(Path(sysconfig.get_paths()["stdlib"])))
    name = f"wopr-python:{fingerprint([program, *library.values()])}"
    try:
        client.images.get(name)
    except ImageNotFound:
        content = archive({"usr/local/bin/python3": program, **library, **linked(program, library)})
        repository, tag = name.split(":")
        settings = ["ENV PATH=/usr/local/bin", "ENV LD_LIBRARY_PATH=/usr/local/lib"]
        client.api.import_image_from_data(content, repository, tag, changes=settings)
    return name


def library_files(library: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file of the standard library: its name in the image and where it is here."""
    for folder, below, names in os.walk(library):
        # What was installed beside the library is a hundred times as much, and not even listed.
        below[:] = sorted(set(below) - LEFT_OUT)
        for path in (Path(folder, name) for name in sorted(names)):
            relative = path.relative_to(library)
            if not left_out(relative):
                yield f"usr/local/lib/{library.name}/{relative}", path


def left_out(relative: Path) -> bool:
    """Say whether a file of the standard library stays out of the image."""
    # Compiled modules stay: in a read-only image each start would compile them again.
    unwanted_file = relative.name.endswith((".a", ".opt-1.pyc", ".opt-2.pyc"))
    unwanted_module = relative.suffix == ".so" and relative.name.startswith(UNWANTED_MODULES)
    unwanted_folder = relative.parts[0].startswith("config-")
    left_out_part = not LEFT_OUT.isdisjoint(relative.parts)
    return unwanted_file or unwanted_module or unwanted_folder or left_out_part


def linked(program: Path, library: dict[str, Path]) -> dict[str, Path]:
    """Return the shared libraries by their names in the image, the linker among them."""
    binaries = [program, *(path for path in library.values() if path.suffix == ".so")]
    found = shared_libraries(binaries)
    return {name_of_library(path): path for path in sorted(found)}


def name_of_library(path: Path) -> str:
    """Return where a library goes: the system's keep their place, a private one gets a public."""
    if str(path).startswith(SYSTEM_FOLDERS):
        return str(path).lstrip("/")
    return f"usr/local/lib/{path.name}"


def shared_libraries(binaries: list[Path]) -> set[Path]:
    """Return what the dynamic linker would load for these files, and the linker itself."""
    listing = subprocess.run(
        ["ldd", *map(str, binaries)], capture_output=True, text=True, check=False
    ).stdout
    words = (word for line in listing.splitlines() for word in line.split() if "/" in word)
    return {path for word in words if word[-1] != ":" and (path := Path(word)).is_file()}


def fingerprint(files: list[Path]) -> str:
    """Return a name for the content that changes when any file, or this recipe, does."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in files:
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def archive(files: dict[str, Path]) -> bytes:
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
        for name, path in files.items():
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
