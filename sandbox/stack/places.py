"""Where a stack keeps its things, and which ports and addresses are its own."""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from sandbox.stack.supervisor import StackError

REPOSITORY = Path(__file__).resolve().parents[2]
# Not below a home: PostgreSQL runs as an unprivileged user when we are root.
MACHINE = Path("/var/tmp" if os.path.isdir("/var/tmp") else tempfile.gettempdir())
SHARED = MACHINE / f"wopr-{os.getuid()}"
CACHE = SHARED / "cache"

SLOTS = 16
FIRST_PORT = 18000
PORTS_PER_SLOT = 100
FIRST_BOT_PORT = 20000
BOT_PORTS_PER_SLOT = 600


@dataclass(frozen=True)
class Slot:
    """A share of the machine's loopback ports and tenant addresses, held by one stack.

    Ports below the ephemeral range are dealt out by slot, so that two stacks that start at the
    same moment cannot choose the same one.
    """

    number: int
    lock: int

    @property
    def subnet(self) -> str:
        """Return the addresses of this stack's tenant network (4,094 instances)."""
        return f"10.213.{self.number * 16}.0/20"

    @property
    def bot_ports(self) -> str:
        """Return the loopback ports on which this stack's instances are published."""
        first = FIRST_BOT_PORT + self.number * BOT_PORTS_PER_SLOT
        return f"{first}-{first + BOT_PORTS_PER_SLOT - 1}"

    def port(self, purpose: str) -> int:
        """Return a free port of the slot, the same one for a purpose if nothing took it."""
        first = FIRST_PORT + self.number * PORTS_PER_SLOT
        start = PURPOSES.index(purpose) * 10
        for offset in range(start, start + 10):
            if port_is_free(first + offset):
                return first + offset
        raise StackError(f"ports {first + start}-{first + start + 9} are all taken ({purpose})")


PURPOSES = ("postgres", "valkey", "caddy admin", "https", "http", "registry", "web")


def port_is_free(port: int) -> bool:
    """Say whether a loopback port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def port_answers(port: int) -> bool:
    """Say whether something listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def claim_slot(preferred: int | None) -> Slot:
    """Take the preferred slot, or the first that no living stack holds."""
    numbers = range(SLOTS) if preferred is None else [preferred]
    for number in numbers:
        if (lock := try_lock(SHARED / "slots" / str(number))) is not None:
            return Slot(number, lock)
    if preferred is not None:
        raise StackError("this stack is already running, or another one took its place; stop that")
    raise StackError("all places for stacks on this machine are taken; stop one")


def try_lock(path: Path) -> int | None:
    """Lock a file for as long as this process lives; None if another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


class Folder:
    """The folder of one stack: logs, generated secrets, and the data of the parts."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o700)
        self._kept = self.path / "secrets.json"
        self._lock = threading.Lock()

    @property
    def logs(self) -> Path:
        """Return the folder of the parts' logs."""
        return self.path / "logs"

    @property
    def deployment(self) -> str:
        """Return the name that marks this stack's objects on a shared engine."""
        return f"wopr-{hashlib.sha256(str(self.path).encode()).hexdigest()[:8]}"

    @property
    def database(self) -> Path:
        """Return PostgreSQL's folder, which its unprivileged user must be able to reach."""
        if os.getuid() == 0:
            return SHARED / "databases" / self.deployment
        return self.path / "postgres"

    def write_private(self, name: str, text: str) -> Path:
        """Write a file that only its owner reads."""
        path = self.path / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        return path

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
        """Return a generated secret, made once and then kept."""
        with self._lock:
            kept: dict[str, str] = json.loads(self._kept.read_text()) if self._kept.exists() else {}
            if name not in kept:
                kept[name] = make()
                self.write_private(self._kept.name, json.dumps(kept, indent=2))
            return kept[name]

    def field_key(self) -> str:
        """Return the key that encrypts the database's secret fields."""
        return self.secret("field key", lambda: Fernet.generate_key().decode())

    def remove(self) -> None:
        """Delete everything that belongs to this stack."""
        shutil.rmtree(self.database, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
