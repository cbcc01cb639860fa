"""A machine that boots: it does by hand what cloud-init would do, from its own address."""

import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import Client

from fleet.declared import ENGINE_PORT

REGISTER = "/internal/nodes/register"


def files_of(user_data: str) -> dict[str, str]:
    """The files that cloud-init would write."""
    return {file["path"]: file["content"] for file in yaml.safe_load(user_data)["write_files"]}


class Machine:
    """One of a provider's machines, with what it was told at its birth."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.address = row["address"]
        self.files = files_of(row["user_data"])
        self.told = json.loads(self.files["/etc/wopr/enrolment.json"])
        self.key = ec.generate_private_key(ec.SECP256R1())

    def request(self) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "whoever.example")])
        signed = x509.CertificateSigningRequestBuilder().subject_name(name)
        return (
            signed.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
        )

    def enrol(self, **changes: Any) -> Any:
        """What the platform answers; `changes` are what somebody else would do differently."""
        body = {"token": self.told["token"], "csr": self.request()}
        address = changes.pop("address", self.address)
        return Client().post(
            REGISTER,
            {**body, **changes},
            content_type="application/json",
            headers={"host": "127.0.0.1", "x-forwarded-proto": "https"},
            REMOTE_ADDR=address,
        )

    @contextmanager
    def engine(self, given: dict[str, str], folder: Path) -> Iterator[None]:
        """Its engine behind mutual TLS: this machine's own, on the address of the other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._keep(given, folder))
        context.load_verify_locations(cadata=given["ca"])
        context.verify_mode = ssl.CERT_REQUIRED
        with socket.create_server((self.address, ENGINE_PORT)) as listening:
            thread = threading.Thread(target=_serve, args=(listening, context), daemon=True)
            thread.start()
            yield
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _keep(self, given: dict[str, str], folder: Path) -> tuple[str, str]:
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        certificate.write_text(given["certificate"])
        key.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(certificate), str(key)


def _serve(listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_forward, args=(plain, context), daemon=True).start()


def _forward(plain: socket.socket, context: ssl.SSLContext) -> None:
    """Passes bytes on to the engine's socket, once the caller has shown a certificate."""
    try:
        secured = context.wrap_socket(plain, server_side=True)
    except OSError:
        plain.close()
        return
    engine = socket.socket(socket.AF_UNIX)
    engine.connect(os.environ["WOPR_STACK_ENGINE"].removeprefix("unix://"))
    back = threading.Thread(target=_pass_on, args=(engine, secured), daemon=True)
    back.start()
    _pass_on(secured, engine)
    back.join()
    secured.close()
    engine.close()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
