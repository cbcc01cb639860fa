"""The reference bot keeps the contract of a bot container, under the hardening of production."""

import base64
import os
import socket
import sqlite3
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from docker.models.containers import Container

from tests.stack.processes import eventually

SEEDED_TOKEN = "a1" * 32
HARDENING: dict[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "user": "1000:1000",
    "pids_limit": 64,
    "mem_limit": "256m",
    "tmpfs": {"/tmp": "size=16m"},
    "ports": {"7437/tcp": ("127.0.0.1", None)},
}


class RunningBot:
    """A container of the reference bot and an HTTP client of it."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.connect()

    def connect(self) -> None:
        """Find the published port and wait until the bot is healthy."""
        self.container.reload()
        self.port = int(self.container.ports["7437/tcp"][0]["HostPort"])
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=5)
        eventually(self.is_healthy, "the bot to be healthy")

    def is_healthy(self) -> bool:
        try:
            return self.http.get("/health").json() == {"status": "ok"}
        except httpx.TransportError:
            return False

    def file(self, path: str) -> tuple[bytes, tarfile.TarInfo]:
        """Return a file's content and its attributes."""
        chunks, _ = self.container.get_archive(path)
        with tarfile.open(fileobj=BytesIO(b"".join(chunks))) as archive:
            member = archive.getmembers()[0]
            content = archive.extractfile(member)
            assert content is not None
            return content.read(), member

    def token(self) -> dict[str, str]:
        """Return the header that the daemon token makes."""
        return {"Authorization": f"Bearer {self.file('/data/daemon-token')[0].decode()}"}


@pytest.fixture
def volume(containers: docker.DockerClient, stack: dict[str, str]) -> Iterator[str]:
    volume = containers.volumes.create(labels={"wopr.deployment": stack["WOPR_DEPLOYMENT"]})
    yield volume.name
    volume.remove()


@pytest.fixture
def bot(
    containers: docker.DockerClient, stack: dict[str, str], volume: str
) -> Iterator[RunningBot]:
    containers.images.pull(stack["WOPR_BOT_IMAGE"])
    container = containers.containers.run(
        stack["WOPR_BOT_IMAGE"],
        detach=True,
        volumes={volume: {"bind": "/data"}},
        labels={"wopr.deployment": stack["WOPR_DEPLOYMENT"]},
        **HARDENING,
    )
    try:
        yield RunningBot(container)
    finally:
        container.remove(force=True)


def test_it_says_who_it_is_on_the_open_paths(bot: RunningBot) -> None:
    about = bot.http.get("/")

    assert (about.status_code, about.json()["name"]) == (200, "wopr")
    assert about.json()["version"] == "1.0.0"
    assert bot.http.get("/healthz").status_code == 200


def test_it_is_ready_once_a_provider_is_configured(bot: RunningBot) -> None:
    assert bot.http.get("/ready").status_code == 503

    saved = bot.http.post("/providers", json={"name": "openai"}, headers=bot.token())

    assert saved.status_code == 201
    assert bot.http.get("/ready").json() == {"status": "ready", "providers": ["openai"]}


def test_everything_else_needs_the_daemon_token(bot: RunningBot) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    for path in ("/providers", "/restart", "/anything", "/ws", "/health/more"):
        assert bot.http.get(path).status_code == 401, path
        assert bot.http.get(path, headers=wrong).status_code == 401, path


def test_an_unknown_path_with_the_token_is_not_found(bot: RunningBot) -> None:
    assert bot.http.get("/anything", headers=bot.token()).status_code == 404


def test_what_it_learnt_survives_a_restart(bot: RunningBot) -> None:
    token = bot.token()
    bot.http.post("/providers", json={"name": "openai"}, headers=token)

    bot.container.restart(timeout=5)
    bot.connect()

    assert bot.http.get("/ready").status_code == 200
    assert bot.token() == token


def test_its_files_belong_to_the_unprivileged_user(bot: RunningBot) -> None:
    content, token = bot.file("/data/daemon-token")
    _, log = bot.file("/data/daemon.log")

    assert (token.uid, token.mode & 0o777, len(content)) == (1000, 0o600, 64)
    assert log.uid == 1000


def test_its_database_has_a_write_ahead_log(bot: RunningBot, tmp_path: Path) -> None:
    bot.http.post("/providers", json={"name": "openai"}, headers=bot.token())
    for name in ("wopr.sqlite", "wopr.sqlite-wal"):
        (tmp_path / name).write_bytes(bot.file(f"/data/{name}")[0])

    with sqlite3.connect(tmp_path / "wopr.sqlite") as database:
        assert database.execute("select name from providers").fetchall() == [("openai",)]
    assert bot.file("/data/wopr.sqlite-wal")[1].size > 0


def test_a_polite_request_to_end_is_followed_at_once(bot: RunningBot) -> None:
    bot.container.stop(timeout=5)

    assert bot.container.wait()["StatusCode"] == 0


def test_a_restart_that_it_asks_for_is_exit_code_75(bot: RunningBot) -> None:
    assert bot.http.post("/restart", headers=bot.token()).status_code == 200

    assert bot.container.wait(timeout=10)["StatusCode"] == 75


def test_probes_of_healthz_are_rate_limited_and_health_is_not(bot: RunningBot) -> None:
    statuses = [bot.http.get("/healthz").status_code for _ in range(61)]

    assert statuses[:60] == [200] * 60
    assert statuses[60] == 429
    assert bot.http.get("/health").status_code == 200


def test_it_echoes_over_a_websocket(bot: RunningBot) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    request = f"GET /ws HTTP/1.1\r\nHost: bot\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {key}\r\n"
    request += f"Connection: Upgrade\r\nAuthorization: {bot.token()['Authorization']}\r\n\r\n"
    mask, message = b"\1\2\3\4", b"hello"
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(message))
    with socket.create_connection(("127.0.0.1", bot.port), timeout=5) as connection:
        answers = connection.makefile("rb")
        connection.sendall(request.encode())
        assert answers.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
        assert any(line == b"\r\n" for line in iter(answers.readline, b""))

        connection.sendall(bytes([0x81, 0x80 | len(message)]) + mask + masked)

        assert answers.read(2 + len(message)) == bytes([0x81, len(message)]) + message


def test_a_volume_that_it_cannot_write_makes_it_end_with_1(
    containers: docker.DockerClient, stack: dict[str, str], bot: RunningBot
) -> None:
    read_only = containers.containers.create(
        stack["WOPR_BOT_IMAGE"],
        volumes={"/proc": {"bind": "/data", "mode": "ro"}},
        labels={"wopr.deployment": stack["WOPR_DEPLOYMENT"]},
        **HARDENING,
    )
    try:
        read_only.start()
        assert read_only.wait(timeout=20)["StatusCode"] == 1
        assert b"cannot use /data" in read_only.logs()
    finally:
        read_only.remove(force=True)


def test_a_token_seeded_before_the_first_boot_is_honoured(
    containers: docker.DockerClient, stack: dict[str, str], volume: str
) -> None:
    containers.images.pull(stack["WOPR_BOT_IMAGE"])
    container = containers.containers.create(
        stack["WOPR_BOT_IMAGE"],
        volumes={volume: {"bind": "/data"}},
        labels={"wopr.deployment": stack["WOPR_DEPLOYMENT"]},
        **HARDENING,
    )
    try:
        container.put_archive("/data", archive_of("daemon-token", SEEDED_TOKEN))
        container.start()
        bot = RunningBot(container)
        authorised = {"Authorization": f"Bearer {SEEDED_TOKEN}"}
        assert bot.http.get("/providers", headers=authorised).status_code == 200
    finally:
        container.remove(force=True)


def archive_of(name: str, text: str) -> bytes:
    """Return a tar archive of one private file that belongs to the bot's user."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.uid, entry.gid = len(text), 0o600, 1000, 1000
        archive.addfile(entry, BytesIO(text.encode()))
    return buffer.getvalue()


def test_the_image_says_how_it_wants_to_be_run(
    containers: docker.DockerClient, stack: dict[str, str]
) -> None:
    image = containers.images.pull(stack["WOPR_BOT_IMAGE"])
    config = image.attrs["Config"]

    assert config["User"] == "1000:1000"
    assert list(config["ExposedPorts"]) == ["7437/tcp"]
    assert list(config["Volumes"]) == ["/data"]
    assert "Healthcheck" not in config
