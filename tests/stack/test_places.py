"""Stacks on one machine keep out of each other's way."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandbox.stack import places
from sandbox.stack.places import SLOTS, Folder, Slot, claim_slot, port_is_free
from sandbox.stack.supervisor import StackError


@pytest.fixture
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(places, "SHARED", tmp_path)
    return tmp_path


def test_two_stacks_never_get_the_same_slot(own_machine: Path) -> None:
    slots = [claim_slot(None) for _ in range(SLOTS)]

    assert sorted(slot.number for slot in slots) == list(range(SLOTS))
    with pytest.raises(StackError, match="all places for stacks on this machine are taken"):
        claim_slot(None)
    for slot in slots:
        os.close(slot.lock)


def test_a_folder_whose_slot_is_in_use_is_refused(own_machine: Path) -> None:
    running = claim_slot(3)

    with pytest.raises(StackError, match="already running"):
        claim_slot(3)
    os.close(running.lock)


def test_slots_share_no_address_and_no_port() -> None:
    slots = [Slot(number, lock=-1) for number in range(SLOTS)]
    networks = [ipaddress.ip_network(slot.subnet) for slot in slots]
    ports = [
        port
        for slot in slots
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
