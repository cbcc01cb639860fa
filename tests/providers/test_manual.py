"""A machine that somebody owns: a real SSH server, its host key pinned."""

import socket
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import paramiko
import pytest
from django.core.management import CommandError, call_command

from fleet import server_services
from fleet.models import Server
from fleet.operations import runner
from fleet.providers import manual
from fleet.providers.base import State
from fleet.providers.manual import Place
from wopr.common.errors import ProviderError


class Owner(paramiko.ServerInterface):
    """Lets root in with one key, and answers any command with what the machine is."""

    def __init__(self, allowed: paramiko.PKey) -> None:
        self.allowed = allowed

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = username == "root" and key.asbytes() == self.allowed.asbytes()
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        def answer() -> None:
            channel.sendall(b"4\n8039424\n79953936\n")
            channel.send_exit_status(0)
            channel.close()

        threading.Timer(0.05, answer).start()
        return True


class SshServer:
    """Accepts connections on loopback until it is closed."""

    def __init__(self) -> None:
        self.host_key = paramiko.RSAKey.generate(2048)
        self.user_key = paramiko.ECDSAKey.generate()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.transports: list[paramiko.Transport] = []
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    def _serve(self) -> None:
        while True:
            try:
                connected, _ = self.listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(connected)
            transport.add_server_key(self.host_key)
            transport.start_server(event=threading.Event(), server=Owner(self.user_key))
            self.transports.append(transport)

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join()
        for transport in self.transports:
            transport.close()


def private_text(key: paramiko.PKey) -> str:
    import io

    text = io.StringIO()
    key.write_private_key(text)
    return text.getvalue()


@pytest.fixture
def server() -> Iterator[SshServer]:
    server = SshServer()
    yield server
    server.close()


@pytest.fixture
def place(server: SshServer) -> Place:
    return Place("127.0.0.1", server.port, manual.fingerprint_at("127.0.0.1", server.port))


def test_the_machine_is_measured_by_who_has_its_key(server: SshServer, place: Place) -> None:
    found = manual.survey(place, username="root", private_key=private_text(server.user_key))
    assert (found.cpus, found.memory_mb, found.disk_gb) == (4, 7851, 76)


def test_a_machine_with_its_pinned_key_is_seen_running(place: Place) -> None:
    assert Place.of(str(place)) == place
    seen = manual.provider().get(str(place))
    assert seen is not None
    assert (seen.state, seen.address) == (State.RUNNING, "127.0.0.1")


def test_another_machine_at_the_address_is_not_taken_for_it(place: Place) -> None:
    wrong = Place(place.address, place.port, "SHA256:another")
    with pytest.raises(ProviderError, match="it is another machine") as refusal:
        manual.provider().get(str(wrong))
    assert refusal.value.permanent


def test_a_key_that_is_not_let_in_is_told_so(place: Place) -> None:
    stranger = private_text(paramiko.ECDSAKey.generate())
    with pytest.raises(ProviderError, match="does not let root in") as refusal:
        manual.survey(place, username="root", private_key=stranger)
    assert refusal.value.permanent


def test_a_machine_that_does_not_answer_is_off(server: SshServer, place: Place) -> None:
    server.close()
    seen = manual.provider().get(str(place))
    assert seen is not None
    assert seen.state == State.OFF
    server.listening = socket.create_server(("127.0.0.1", 0))  # for the fixture to close
    server.thread = threading.Thread(target=server._serve)
    server.thread.start()


def test_what_the_owner_must_do_is_refused(place: Place) -> None:
    with pytest.raises(ProviderError, match="its owner must reboot it"):
        manual.provider().reboot(str(place))


ADOPT = ("server_adopt", "--address", "127.0.0.1")


def test_a_machine_is_adopted_once_its_host_key_was_compared_and_let_go_again(
    server: SshServer, place: Place, tmp_path: Path, db: None
) -> None:
    key, where = tmp_path / "key", (*ADOPT, "--port", str(server.port))
    key.write_text(private_text(server.user_key))
    said = StringIO()
    call_command(*where, stdout=said)
    assert place.fingerprint in said.getvalue()
    assert not Server.objects.exists()

    pinned = (*where, "--key-file", str(key), "--fingerprint", place.fingerprint)
    call_command(*pinned, "--region", "cellar", stdout=said)
    adopted = Server.objects.select_related("node").get()
    assert (adopted.status, adopted.memory_mb, adopted.monthly) == ("ready", 7851, 0)
    assert adopted.node is not None
    assert (adopted.region, adopted.node.region) == ("cellar", "cellar")
    assert adopted.node.engine_url == f"ssh://root@127.0.0.1:{server.port}"
    assert adopted.node.ssh_host_key == (
        f"{server.host_key.get_name()} {server.host_key.get_base64()}"
    )
    with pytest.raises(CommandError, match="adopted before"):
        call_command(*pinned)

    operation = server_services.server_destroy(server=adopted, cause="test")
    runner.run(operation.pk)
    adopted.refresh_from_db()
    assert adopted.status == "gone"
    assert manual.provider().get(str(place)) is not None


def test_a_machine_with_another_host_key_is_not_adopted(
    server: SshServer, tmp_path: Path, db: None
) -> None:
    key = tmp_path / "key"
    key.write_text(private_text(server.user_key))
    where = (*ADOPT, "--port", str(server.port), "--key-file", str(key))
    with pytest.raises(CommandError, match="it is another machine"):
        call_command(*where, "--fingerprint", "SHA256:another")
    assert not Server.objects.exists()
