"""A tenant's repository of backups, in a folder and in a bucket: the same promises hold."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from fleet.gateways.restic import Repository
from wopr.common.errors import ProviderError

DATA = os.urandom(3_000_000)


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An S3-compatible store on a port of its own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"s3:http://{host}:{port}/backups"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "folder":
        return str(tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"


@pytest.fixture
def repository(place: str, settings: Any) -> Repository:
    settings.WOPR_BACKUP_REPOSITORY = place
    made = Repository(name="alice", password="alice's own")
    made.ensure()
    return made


def test_what_was_stored_comes_back_whole(repository: Repository) -> None:
    told = repository.store([DATA[:1_000_000], DATA[1_000_000:]], tag="nightly")
    found = repository.find(told)
    assert found is not None
    assert b"".join(repository.fetch(found)) == DATA


def test_a_repository_that_is_there_is_not_made_again(repository: Repository) -> None:
    told = repository.store([b"kept"], tag="nightly")
    repository.ensure()
    assert repository.find(told) is not None


def test_a_forgotten_backup_is_gone_and_its_neighbour_is_not(repository: Repository) -> None:
    old, new = repository.store([b"old"], tag="old"), repository.store([b"new"], tag="new")
    repository.forget({"old"})
    assert repository.find(old) is None
    assert b"".join(repository.fetch(str(repository.find(new)))) == b"new"
    assert repository.tags() == {"new"}


def test_another_password_opens_nothing(repository: Repository) -> None:
    repository.store([b"Alice's"], tag="nightly")
    stranger = Repository(name="alice", password="Charlie's")
    with pytest.raises(ProviderError, match="restic snapshots failed"):
        stranger.snapshots()
