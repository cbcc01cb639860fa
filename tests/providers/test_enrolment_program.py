"""The program by which a new node enrols, run as it is against the platform's real door."""

import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

from fleet.models import Node, Server
from tests.providers.booting import Machine
from tests.providers.life import Life

pytestmark = pytest.mark.django_db(transaction=True)
NAME, IPV4, IPV6 = "platform.example", "127.0.0.1", "::1"


@pytest.fixture
def platform(settings: Any) -> Iterator[None]:
    """Listens at one name on IPv4 and on IPv6, which systems prefer."""
    settings.ALLOWED_HOSTS = [NAME]
    application, port = get_wsgi_application(), 0
    with ExitStack() as opened:
        for address in (IPV4, IPV6):
            server = ThreadedWSGIServer((address, port), _Quiet, ipv6=address == IPV6)
            server.set_app(application)
            port = server.server_port
            opened.callback(server.server_close)
            Thread(target=server.serve_forever, daemon=True).start()
            opened.callback(server.shutdown)
        settings.WOPR_ENROLMENT_URL = f"http://{NAME}:{port}"
        yield


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """Stands for /etc, and for systemd beside it, which notes what it is asked."""
    for folder in ("wopr", "docker", "bin"):
        (tmp_path / folder).mkdir()
    (tmp_path / "hosts").write_text(f"{IPV6} {NAME}\n{IPV4} {NAME}\n")
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    systemctl.chmod(0o755)
    return tmp_path


def boot(machine: Machine, etc: Path) -> subprocess.CompletedProcess[str]:
    """Writes what cloud-init would write there, and runs what it would run."""
    for path, content in machine.files.items():
        if path.startswith("/etc/wopr/"):
            moved = content.replace("/etc/", f"{etc}/")
            (etc / "wopr" / Path(path).name).write_text(moved)
    (etc / "wopr" / "enrol").chmod(0o700)
    with_names = f'mount --bind {etc}/hosts /etc/hosts && exec "$0"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", with_names, etc / "wopr" / "enrol"],
        env={"PATH": f"{etc / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("vendor", ["hetzner"], indirect=True)
def test_it_enrols_by_ipv4_and_hands_the_engine_what_it_was_given(
    platform: None, life: Life, machine: Machine, etc: Path
) -> None:
    Server.objects.filter(pk=life.server.pk).update(address=IPV4)
    done = boot(machine, etc)
    assert done.returncode == 0, done.stderr
    node = Node.objects.get(server=life.server)
    assert node.address == IPV4
    context = ssl.create_default_context(cadata=node.tls_ca)
    context.load_cert_chain(etc / "wopr/tls/certificate.pem", etc / "wopr/tls/key.pem")
    certificate = x509.load_pem_x509_certificate((etc / "wopr/tls/certificate.pem").read_bytes())
    certificate.verify_directly_issued_by(
        x509.load_pem_x509_certificate((etc / "wopr/tls/ca.pem").read_bytes())
    )
    key = load_pem_private_key((etc / "wopr/tls/key.pem").read_bytes(), None)
    assert key.public_key() == certificate.public_key()
    assert (etc / "wopr/tls/key.pem").stat().st_mode & 0o077 == 0
    assert "tlsverify" in (etc / "docker/daemon.json").read_text()
    assert not (etc / "wopr/enrolment.json").exists(), "the token is used"
    assert (etc / "asked").read_text().splitlines()[-1] == "restart docker"


@pytest.mark.parametrize("vendor", ["hetzner"], indirect=True)
def test_it_ends_with_the_platforms_word_when_it_is_not_let_in(
    platform: None, life: Life, machine: Machine, etc: Path
) -> None:
    Server.objects.filter(pk=life.server.pk).update(address="203.0.113.7")
    done = boot(machine, etc)
    assert done.returncode == 1
    assert "This machine is not let in." in done.stderr
    assert not (etc / "asked").exists()
