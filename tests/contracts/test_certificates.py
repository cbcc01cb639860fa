"""No adapter speaks to a server whose certificate nobody vouches for."""

import datetime
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from billing.gateways import stripe
from dns.gateways.cloudflare import Cloudflare
from fleet.gateways.caddy import Caddy
from fleet.providers.digitalocean import DigitalOcean
from fleet.providers.hetzner import Hetzner
from wopr.common.errors import ProviderError

TOKEN = "told-to-nobody"
CALLS: dict[str, Callable[[str], Any]] = {
    "Cloudflare": lambda url: Cloudflare(url=url, token=TOKEN).listing("wopr.bot"),
    "Hetzner": lambda url: Hetzner(url=url, token=TOKEN).regions(),
    "DigitalOcean": lambda url: DigitalOcean(url=url, token=TOKEN).account(),
    "Caddy": lambda url: Caddy(url=url, server="wopr").read(),
}


@pytest.fixture(scope="module")
def impostor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """A server for 127.0.0.1 that certifies itself: its address, and the paths it was asked for."""
    heard: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path_factory.mktemp("tls")))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}", heard
    server.shutdown()
    server.server_close()


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + certificate.public_bytes(pem))
    return folder / "both.pem"


def test_who_does_not_look_at_certificates_is_heard(impostor: tuple[str, list[str]]) -> None:
    url, heard = impostor

    httpx.get(f"{url}/careless", verify=False)

    assert heard.pop() == "/careless"


@pytest.mark.parametrize("vendor", CALLS)
def test_an_impostor_hears_nothing_of_a_vendors_token(
    vendor: str, impostor: tuple[str, list[str]]
) -> None:
    url, heard = impostor

    with pytest.raises(ProviderError):
        CALLS[vendor](url)

    assert heard == []


def test_an_impostor_hears_nothing_of_stripes_key(
    impostor: tuple[str, list[str]], settings: Any
) -> None:
    url, heard = impostor
    settings.STRIPE_API_URL = url

    with pytest.raises(ProviderError):
        stripe.customer_find(email="alice@example.com", tenant_id="nobody")

    assert heard == []
