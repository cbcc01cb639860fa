"""Shares of one machine: which loopback ports and addresses belong to which stack."""

import fcntl
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from sandbox.stack.places import SHARED, Folder
from sandbox.stack.supervisor import StackError

SLOTS = 16
FIRST_PORT = 18000
PORTS_PER_SLOT = 100
FIRST_BOT_PORT = 20000
BOT_PORTS_PER_SLOT = 600
PURPOSES = (
    "postgres",
    "valkey",
    "caddy admin",
    "https",
    "http",
    "registry",
    "web",
    "dns",
    "dns control",
    "gateway",
    "gpu",
    "api",
)
PORTS_PER_PURPOSE = 8


@dataclass(frozen=True)
class Slot:
    """A share of the machine's loopback ports and tenant addresses, held by one stack.

    Ports below the ephemeral range are dealt out by slot, so that two stacks that start at the
    same moment cannot choose the same one.
    """

    number: int
    lock: int
    predecessor: str | None = None
    """The deployment that had this share before and is gone; what it left may be removed."""

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
        first += PURPOSES.index(purpose) * PORTS_PER_PURPOSE
        for port in range(first, first + PORTS_PER_PURPOSE):
            if port_is_free(port):
                return port
        raise StackError(f"port {first} and the next {PORTS_PER_PURPOSE - 1} are taken ({purpose})")

    def release(self) -> None:
        """Let others have it; the end of the process does the same."""
        os.close(self.lock)


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


def claim_slot(folder: Folder, *, keep: bool) -> Slot:
    """Take a share for a stack; one that is kept comes back to its own, where its network is."""
    marker = folder.path / "slot"
    numbers = [int(marker.read_text())] if marker.exists() else range(SLOTS)
    for number in numbers:
        if (slot := take(number, folder.path, keep=keep)) is not None:
            marker.write_text(str(number))
            return slot
    if marker.exists():
        raise StackError("this stack is already running, or another one took its place; stop that")
    raise StackError("all places for stacks on this machine are taken; stop one")


def take(number: int, folder: Path, *, keep: bool) -> Slot | None:
    """Take one share unless a living stack holds it, or a stopped one that is kept."""
    file = SHARED / "slots" / str(number)
    if (lock := try_lock(file)) is None:
        return None
    kept, _, owner = file.read_text().partition(" ")
    if kept == "kept" and owner != str(folder) and Path(owner).exists():
        os.close(lock)
        return None
    file.write_text(f"{'kept' if keep else 'temporary'} {folder}")
    if not owner or owner == str(folder):
        return Slot(number, lock)
    # It was killed, or its folder deleted by hand: nobody else will tidy up after it.
    gone = Folder(Path(owner))
    gone.remove()
    return Slot(number, lock, gone.deployment)


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
