"""restic, one repository a tenant: what is stored is a tar of the volume, with its owners.

Source: restic.readthedocs.io ("Backing up", reading from standard input; "Scripting", --json).
"""

import json
import os
import shutil
import subprocess  # nosec B404
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from django.conf import settings

from wopr.common.answers import understood
from wopr.common.errors import ProviderError

FILE = "data.tar"
CHUNK = 1024 * 1024
NO_REPOSITORY = 10  # restic 0.17 and newer; older ones exit with 1 and say it


@understood("restic")
class Repository:
    """A tenant's repository; `name` is below WOPR_BACKUP_REPOSITORY (a folder or s3:…)."""

    def __init__(self, *, name: str, password: str) -> None:
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": os.environ.get("HOME", tempfile.gettempdir()),
            "RESTIC_REPOSITORY": f"{settings.WOPR_BACKUP_REPOSITORY.rstrip('/')}/{name}",
            "RESTIC_PASSWORD": password,
            "RESTIC_PROGRESS_FPS": "0.1",
            **{k: v for k, v in os.environ.items() if k.startswith("AWS_")},
        }

    @property
    def is_folder(self) -> bool:
        """Whether it lies in a file system, and not at a store behind a protocol."""
        return self._environment["RESTIC_REPOSITORY"].startswith("/")

    def remove(self) -> None:
        """Deletes the whole repository; only one that is a folder can be."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self._environment["RESTIC_REPOSITORY"])

    def ensure(self) -> None:
        """Creates the repository unless it is there."""
        if self._is_there():
            return
        made = self._run("init", check=False)
        if made.returncode != 0 and b"already" not in made.stderr:
            raise ProviderError(f"the backup repository cannot be made: {_last_line(made.stderr)}")

    def _is_there(self) -> bool:
        """Each call of restic derives its key anew, for half a second: a folder is looked into."""
        if self.is_folder:
            return os.path.exists(f"{self._environment['RESTIC_REPOSITORY']}/config")
        return self._run("cat", "config", check=False).returncode == 0

    def snapshots(self) -> dict[str, set[str]]:
        """Everything that is there: id to tags."""
        listed = self._run("snapshots", "--json")
        return {row["id"]: set(row.get("tags") or ()) for row in json.loads(listed.stdout) or []}

    def tags(self) -> set[str]:
        """The tags of everything that is there."""
        return {tag for tags in self.snapshots().values() for tag in tags}

    def forget(self, tags: set[str]) -> None:
        """Deletes every snapshot with one of these tags, and the data that nothing else needs."""
        found = [key for key, present in self.snapshots().items() if present & tags]
        if found:
            # Locks of processes that died; what works at the moment keeps its own.
            self._run("unlock")
            self._run("forget", "--prune", *found)

    def store(self, chunks: Iterable[bytes], *, tag: str) -> str:
        """Stores the stream; returns the snapshot's id, or (older ones) its first eight digits."""
        command = ("backup", "--json", "--stdin", "--stdin-filename", FILE, "--tag", tag)
        with self._process(*command) as (process, errors):
            _feed(process, chunks)
            output = process.stdout.read() if process.stdout else b""
            _insist(process, errors, "the backup could not be stored")
        told = [json.loads(line) for line in output.splitlines() if line.startswith(b"{")]
        return str([line["snapshot_id"] for line in told if "snapshot_id" in line][-1])

    def find(self, told: str) -> str | None:
        """The whole id of the snapshot that was told by `store`, if it is there."""
        return next((key for key in self.snapshots() if key.startswith(told)), None)

    def fetch(self, snapshot: str) -> Iterator[bytes]:
        """The stored stream again."""
        with self._process("dump", snapshot, FILE) as (process, errors):
            if process.stdout:
                yield from iter(lambda: process.stdout.read(CHUNK), b"")  # type: ignore[union-attr]
            _insist(process, errors, "the backup could not be read back")

    def _run(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
        with _installed():
            done = subprocess.run(  # noqa: S603  # nosec B603 B607  (no shell; our own arguments)
                ["restic", *arguments],  # noqa: S607  (found on the worker's PATH)
                env=self._environment,
                capture_output=True,
                check=False,
            )
        if check and done.returncode != 0:
            raise ProviderError(f"restic {arguments[0]} failed: {_last_line(done.stderr)}")
        return done

    @contextmanager
    def _process(self, *arguments: str) -> Iterator[tuple["subprocess.Popen[bytes]", IO[bytes]]]:
        """restic with pipes; what it says of errors goes to a file, so that no pipe fills up."""
        with tempfile.TemporaryFile() as errors, _installed():
            process = subprocess.Popen(  # noqa: S603  # nosec B603 B607
                ["restic", *arguments],  # noqa: S607
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            try:
                yield process, errors
            finally:
                process.kill()
                process.wait()


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ProviderError("restic is not installed on this worker", permanent=True) from error


def _feed(process: "subprocess.Popen[bytes]", chunks: Iterable[bytes]) -> None:
    """A restic that ended early breaks the pipe; its own words tell why, later."""
    if process.stdin is None:
        return
    try:
        for chunk in chunks:
            process.stdin.write(chunk)
        process.stdin.close()
    except BrokenPipeError:
        return


def _insist(process: "subprocess.Popen[bytes]", errors: IO[bytes], what: str) -> None:
    if process.wait() != 0:
        errors.seek(0)
        raise ProviderError(f"{what}: {_last_line(errors.read())}")


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no reason given"
