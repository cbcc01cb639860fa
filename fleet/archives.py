"""Tars of a bot's volume: kept whole on disk for a moment, and listed file by file."""

import hashlib
import stat
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

# Path to [kind, mode, owner, size, sha256]; the digest is empty for what has no content.
Manifest = dict[str, list[str | int]]
TOP = "."  # the folder itself, of which Podman's tars say nothing
CHUNK = 1024 * 1024


def spooled(chunks: Iterable[bytes]) -> IO[bytes]:
    """The stream as a nameless file that is gone when it is closed; positioned at its start."""
    spool = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
    for chunk in chunks:
        spool.write(chunk)
    spool.seek(0)
    return spool


def chunks_of(file: IO[bytes]) -> Iterator[bytes]:
    """The file from its start, in pieces."""
    file.seek(0)
    return iter(lambda: file.read(CHUNK), b"")


def manifest_of(file: IO[bytes]) -> Manifest:
    """What the tar holds. Times are left out: a restore may change those of folders."""
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        return {_path(member): _entry(archive, member) for member in archive}


def _path(member: tarfile.TarInfo) -> str:
    """One spelling: Docker writes ./name, Podman name."""
    return member.name if member.name == TOP else f"./{member.name.removeprefix('./')}"


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> list[str | int]:
    kind = "file" if member.isfile() else "link" if member.issym() else member.type.decode()
    owner = f"{member.uid}:{member.gid}"
    return [kind, oct(stat.S_IMODE(member.mode)), owner, member.size, _digest(archive, member)]


def _digest(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    content = archive.extractfile(member) if member.isfile() else None
    if content is None:
        return member.linkname
    digest = hashlib.sha256()
    for chunk in iter(lambda: content.read(CHUNK), b""):
        digest.update(chunk)
    return digest.hexdigest()
