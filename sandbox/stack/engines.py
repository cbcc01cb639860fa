"""A second machine on this one: an engine in a network of its own, joined by one cable.

Everything of it dies with its process: the network has no name, and the cable no other owner. It
listens on a Unix socket and, if it is Docker Engine, at its address with certificates.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox.stack.certificates import Authority
from sandbox.stack.engine import Engine, is_reachable
from sandbox.stack.places import MACHINE
from sandbox.stack.podman import let_go, podman_command
from sandbox.stack.supervisor import Part, StackError, Supervisor, wait_until

TLS_PORT = 2376
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
# The engine may begin once the cable is there; until then nobody could tell it its address.
_WHEN_JOINED = """
echo $$ > "$0"; until ip -4 -oneline addr show dev wopr0 2>/dev/null | grep -q inet
do sleep 0.05; done; exec "$@"
"""


@dataclass(frozen=True)
class OtherMachine:
    """A machine with an engine, reached over the cable as over a network."""

    folder: Path
    address: str
    cable: str  # the name of our end
    authority: Authority

    @property
    def engine(self) -> Engine:
        """Return the engine at its Unix socket."""
        return Engine(f"unix://{self.folder / 'docker.sock'}", is_local=True)

    @property
    def tls_url(self) -> str:
        """Return the address at which the engine wants a certificate."""
        return f"tcp://{self.address}:{TLS_PORT}"

    def go_away(self) -> None:
        """Pull the cable: the machine runs on, and nobody reaches it."""
        _run("ip", "link", "set", self.cable, "down")

    def come_back(self) -> None:
        """Put the cable in again."""
        _run("ip", "link", "set", self.cable, "up")


@contextmanager
def other_machine(
    *, reaching: tuple[int, ...] = (), podman: bool = False
) -> Iterator[OtherMachine]:
    """Start one; at `reaching`, ports of its loopback lead to the same ports of ours."""
    folder = Path(tempfile.mkdtemp(prefix="wopr-machine-", dir=MACHINE))
    supervisor = Supervisor(folder / "logs")
    try:
        engine = podman_command(folder, reaching) if podman else _dockerd(folder)
        machine = _started(supervisor, folder, engine)
        pid = _pid(folder)
        with _forwarded(pid, reaching):
            yield machine
    finally:
        supervisor.stop()
        let_go(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _started(supervisor: Supervisor, folder: Path, engine: Sequence[str | Path]) -> OtherMachine:
    """The process comes first, since its network is its own; the engine waits for the cable."""
    command = ["unshare", "--net", "sh", "-c", _WHEN_JOINED, folder / "pid", *engine]
    began = Part(name="engine", command=command, ready=lambda: _has_begun(folder), grace=20)
    supervisor.start(began)
    pid, authority = _pid(folder), Authority.made()
    number, cable = _join(pid)
    machine = OtherMachine(folder, f"10.254.{number}.2", cable, authority)
    authority.certify(machine.address, folder)
    _run(*_inside(pid), "addr", "add", f"{machine.address}/30", "dev", "wopr0")
    wait_until(lambda: is_reachable(machine.engine.url), timeout=60, what=f"the engine in {folder}")
    return machine


def _dockerd(folder: Path) -> list[str | Path]:
    """Listens at every address of its own network, which is the loopback and the cable."""
    return [
        *("dockerd", "-H", f"unix://{folder / 'docker.sock'}"),
        *("-H", f"tcp://0.0.0.0:{TLS_PORT}"),
        *("--tlsverify", "--tlscacert", folder / "ca.pem"),
        *("--tlscert", folder / "server.pem", "--tlskey", folder / "server.key"),
        *("--group", "root", "--data-root", folder / "data", "--exec-root", folder / "exec"),
        *("--pidfile", folder / "docker.pid", "--shutdown-timeout", "3"),
    ]


def _has_begun(folder: Path) -> bool:
    file = folder / "pid"
    return file.exists() and bool(file.read_text().strip())


def _pid(folder: Path) -> int:
    return int((folder / "pid").read_text())


def _join(pid: int) -> tuple[int, str]:
    """Lay a cable between this network and that of a process; return its number and our end."""
    for number in range(1, 255):
        ours, inside = f"wopr-far{number}", _inside(pid)
        laid = ("ip", "link", "add", ours, "type", "veth", "peer", "name", "wopr0", "netns")
        if subprocess.run([*laid, str(pid)], capture_output=True, check=False).returncode != 0:
            continue
        _run("ip", "addr", "add", f"10.254.{number}.1/30", "dev", ours)
        _run("ip", "link", "set", ours, "up")
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "link", "set", "wopr0", "up")
        return number, ours
    raise StackError("no cable could be laid to a second engine: is this Linux, and are you root?")


def _inside(pid: int) -> tuple[str, ...]:
    return ("nsenter", f"--net=/proc/{pid}/ns/net", "ip")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def _forwarded(pid: int, ports: tuple[int, ...]) -> Iterator[None]:
    """Let ports of the other machine's loopback lead here, as a registry's name must do."""
    listeners = [_listening_inside(pid, port) for port in ports]
    for listener, port in zip(listeners, ports, strict=True):
        threading.Thread(target=_serve, args=(listener, port), daemon=True).start()
    try:
        yield
    finally:
        for listener in listeners:
            listener.close()


def _listening_inside(pid: int, port: int) -> socket.socket:
    """A socket belongs to the network in which its thread was when it was made."""
    made: list[socket.socket] = []

    def make() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        try:
            if libc.setns(network, _NEW_NETWORK) == 0:
                made.append(socket.create_server(("127.0.0.1", port)))
        finally:
            os.close(network)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if not made:
        raise StackError(f"nothing can listen at port {port} of the second machine")
    return made[0]


def _serve(listener: socket.socket, port: int) -> None:
    with suppress(OSError):
        while True:
            there, _ = listener.accept()
            here = socket.create_connection(("127.0.0.1", port))
            for source, target in ((there, here), (here, there)):
                threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def wait_until_reached(machine: OtherMachine) -> None:
    """Return when the machine answers over the cable."""

    def answers() -> bool:
        with suppress(OSError):
            socket.create_connection((machine.address, TLS_PORT), timeout=1).close()
            return True
        return False

    wait_until(answers, timeout=20, what="the second machine to be reached")
