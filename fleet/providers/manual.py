"""A machine that somebody owns already: looked at by SSH, never bought, never given back.

Its id says where it is and which host key it showed when it was added, so that another machine at
the same address is never taken for it.
"""

import base64
import hashlib
import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import paramiko

from fleet.providers.base import (
    DONE,
    LET_GO,
    Account,
    Action,
    Key,
    Machine,
    Order,
    Region,
    ServerProvider,
    Size,
    State,
    Wall,
)
from wopr.common.errors import ProviderError

TIMEOUT = 10.0
_LOOK = "nproc; awk '/MemTotal/ {print $2}' /proc/meminfo; df -Pk / | awk 'NR==2 {print $2}'"


@dataclass(frozen=True)
class Place:
    """Where a machine is, and the fingerprint (SHA256:…) of the host key that it must show."""

    address: str
    port: int
    fingerprint: str

    @classmethod
    def of(cls, machine_id: str) -> "Place":
        """Reads an id: address:port fingerprint."""
        where, _, fingerprint = machine_id.partition(" ")
        address, _, port = where.rpartition(":")
        return cls(address, int(port), fingerprint)

    def __str__(self) -> str:
        return f"{self.address}:{self.port} {self.fingerprint}"


@dataclass(frozen=True)
class Survey:
    """What a look at the machine told."""

    memory_mb: int
    cpus: int
    disk_gb: int


def fingerprint_at(address: str, port: int) -> str:
    """The host key that answers there now. A person compares it before it is pinned."""
    with _transport(address, port) as transport:
        return _fingerprint(transport.get_remote_server_key())


def host_key_at(place: Place) -> str:
    """The host key itself, as known_hosts has it, of a machine that shows the pinned one."""
    with _transport(place.address, place.port) as transport:
        _insist(transport, place)
        key = transport.get_remote_server_key()
    return f"{key.get_name()} {key.get_base64()}"


def survey(place: Place, *, username: str, private_key: str) -> Survey:
    """Signs in, after the host key was compared, and measures the machine."""
    with _transport(place.address, place.port) as transport:
        _insist(transport, place)
        try:
            transport.auth_publickey(username, _key(private_key))
        except paramiko.SSHException as error:
            raise ProviderError(
                f"{place.address} does not let {username} in with this key.", permanent=True
            ) from error
        said = _what_it_is(transport)
    return _measured(place, said)


def _measured(place: Place, said: str) -> Survey:
    try:
        cpus, memory_kb, disk_kb = (int(word) for word in said.split())
    except ValueError as error:
        raise ProviderError(
            f"{place.address} did not tell its size: {said[:100]!r}", permanent=True
        ) from error
    return Survey(memory_kb // 1024, cpus, disk_kb // 1024**2)


def _what_it_is(transport: paramiko.Transport) -> str:
    channel = transport.open_session(timeout=TIMEOUT)
    channel.settimeout(TIMEOUT)
    channel.exec_command(_LOOK)  # nosec B601 (a constant)
    with channel.makefile("rb") as output:
        return str(output.read().decode(errors="replace"))


@contextmanager
def _transport(address: str, port: int) -> Iterator[paramiko.Transport]:
    """An encrypted connection whose other end is not known yet."""
    try:
        connected = socket.create_connection((address, port), timeout=TIMEOUT)
    except OSError as error:
        raise ProviderError(f"{address}:{port} does not answer: {error}") from error
    transport = paramiko.Transport(connected)
    try:
        transport.start_client(timeout=TIMEOUT)
        yield transport
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise ProviderError(f"{address}:{port} speaks no SSH to us: {error}") from error
    finally:
        transport.close()


def _insist(transport: paramiko.Transport, place: Place) -> None:
    shown = _fingerprint(transport.get_remote_server_key())
    if shown != place.fingerprint:
        raise ProviderError(
            f"{place.address} shows the host key {shown}, not {place.fingerprint}: it is another"
            " machine, or somebody is in between.",
            permanent=True,
        )


def _fingerprint(key: paramiko.PKey) -> str:
    digest = hashlib.sha256(key.asbytes()).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _key(text: str) -> paramiko.PKey:
    kinds: tuple[type[paramiko.PKey], ...] = (
        paramiko.Ed25519Key,
        paramiko.ECDSAKey,
        paramiko.RSAKey,
    )
    for kind in kinds:
        try:
            return kind.from_private_key(io.StringIO(text))
        except paramiko.SSHException:
            continue
    raise ProviderError("The SSH key is none that can be used without a password.", permanent=True)


class Manual:
    """Only looks; all else is the business of whoever owns the machine."""

    name = "manual"
    image = ""

    def account(self) -> Account:
        return Account()

    def may_write(self) -> bool:
        return True

    def regions(self) -> list[Region]:
        return []

    def sizes(self) -> list[Size]:
        return []

    def images(self) -> list[str]:
        return []

    def create(self, order: Order) -> Machine:
        raise _not_ours("create it")

    def get(self, machine_id: str) -> Machine | None:
        """Off when nothing answers; fails when another machine does."""
        place = Place.of(machine_id)
        try:
            with _transport(place.address, place.port) as transport:
                _insist(transport, place)
                state = State.RUNNING
        except ProviderError as error:
            if error.permanent:
                raise
            state = State.OFF
        return Machine(machine_id, place.address, state, "", "", place.address)

    def find(self, order_name: str, deployment: str) -> list[Machine]:
        return []

    def ours(self, deployment: str) -> list[Machine]:
        return []

    def power_on(self, machine_id: str) -> Action:
        raise _not_ours("switch it on")

    def power_off(self, machine_id: str) -> Action:
        raise _not_ours("switch it off")

    def reboot(self, machine_id: str) -> Action:
        raise _not_ours("reboot it")

    def rebuild(self, machine_id: str, image: str) -> Action:
        raise _not_ours("rebuild it")

    def resize(self, machine_id: str, size: str) -> Action:
        raise _not_ours("resize it")

    def destroy(self, machine_id: str) -> Action:
        """It is let go, not switched off."""
        return LET_GO

    def action(self, action_id: str) -> Action:
        return DONE

    def keys(self) -> list[Key]:
        return []

    def key_add(self, name: str, public_key: str) -> Key:
        raise _not_ours("add keys to it")

    def key_remove(self, key_id: str) -> None:
        raise _not_ours("remove keys from it")

    def walls(self) -> list[Wall]:
        return []

    def wall_put(self, wall: Wall) -> None:
        raise _not_ours("set up its firewall")


def provider() -> ServerProvider:
    return Manual()


def _not_ours(what: str) -> ProviderError:
    return ProviderError(f"WOPR did not buy this machine: its owner must {what}.", permanent=True)
