"""Stacks on one machine keep out of each other's way."""

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.stack import slots
from sandbox.stack.places import Folder
from sandbox.stack.slots import SLOTS, Slot, claim_slot, port_is_free
from sandbox.stack.supervisor import StackError


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(slots, "SHARED", tmp_path / "shared")
    return tmp_path


def test_two_stacks_never_get_the_same_slot(machine: Path) -> None:
    taken = [claim_slot(Folder(machine / str(n)), keep=False) for n in range(SLOTS)]

    assert sorted(slot.number for slot in taken) == list(range(SLOTS))
    with pytest.raises(StackError, match="all places for stacks on this machine are taken"):
        claim_slot(Folder(machine / "one too many"), keep=False)
    for slot in taken:
        slot.release()


def test_a_stack_that_is_running_cannot_be_started_again(machine: Path) -> None:
    running = claim_slot(Folder(machine / "mine"), keep=True)

    with pytest.raises(StackError, match="already running"):
        claim_slot(Folder(machine / "mine"), keep=True)
    running.release()


def test_a_kept_stack_that_is_stopped_keeps_its_slot(machine: Path) -> None:
    mine = claim_slot(Folder(machine / "mine"), keep=True)
    mine.release()

    other = claim_slot(Folder(machine / "other"), keep=False)
    again = claim_slot(Folder(machine / "mine"), keep=True)

    assert other.number != mine.number
    assert again.number == mine.number
    other.release()
    again.release()


def test_the_folder_of_a_temporary_stack_that_was_killed_is_removed(machine: Path) -> None:
    killed = Folder(machine / "killed")
    claim_slot(killed, keep=False).release()
    killed.secret("password")

    successor = claim_slot(Folder(machine / "successor"), keep=False)

    assert successor.predecessor == killed.deployment
    assert not killed.path.exists()
    successor.release()


def test_what_a_vanished_stack_left_is_known_to_its_successor(machine: Path) -> None:
    gone = Folder(machine / "gone")
    claim_slot(gone, keep=True).release()
    gone.remove()

    successor = claim_slot(Folder(machine / "successor"), keep=False)

    assert successor.predecessor == gone.deployment
    assert not gone.path.exists()
    successor.release()


def test_slots_share_no_address_and_no_port() -> None:
    shares = [Slot(number, lock=-1) for number in range(SLOTS)]
    networks = [ipaddress.ip_network(slot.subnet) for slot in shares]
    ports = [
        port
        for slot in shares
        for first, last in [map(int, slot.bot_ports.split("-"))]
        for port in range(first, last + 1)
    ]

    assert not any(a.overlaps(b) for a in networks for b in networks if a is not b)
    assert all(network.subnet_of(ipaddress.ip_network("10.213.0.0/16")) for network in networks)
    assert len(ports) == len(set(ports))
    assert min(ports) >= 20000
    assert max(ports) <= 29999


def test_a_port_that_somebody_took_is_stepped_over() -> None:
    slot = Slot(SLOTS - 1, lock=-1)
    first = slot.port("web")
    with socket.socket() as other:
        other.bind(("127.0.0.1", first))
        other.listen()

        assert not port_is_free(first)
        assert slot.port("web") != first


def test_a_generated_secret_is_kept_and_private(tmp_path: Path) -> None:
    first = Folder(tmp_path / "stack").secret("password")

    assert Folder(tmp_path / "stack").secret("password") == first
    assert len(first) >= 24
    assert (tmp_path / "stack" / "secrets.json").stat().st_mode & 0o077 == 0


def test_secrets_generated_at_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "stack")
    names = [f"secret {number}" for number in range(20)]

    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        generated = list(pool.map(folder.secret, names))

    assert [Folder(tmp_path / "stack").secret(name) for name in names] == generated


def test_two_folders_mark_their_containers_differently(tmp_path: Path) -> None:
    assert Folder(tmp_path / "one").deployment != Folder(tmp_path / "two").deployment
