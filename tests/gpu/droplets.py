"""GPU droplets of the sandbox's DigitalOcean, and workers that take their operations on.

The machine does by hand what its cloud-init would do: it reports from its own address and serves
with the certificate that it made.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.test import Client
from django.utils import timezone

from fleet import provider_watch
from fleet.models import Operation
from fleet.operations import runner
from gpu import services
from gpu.booting import REPORTS, Event, Stage
from gpu.catalogue import PORTS
from gpu.models import GpuNode
from gpu.tasks import services_probe
from sandbox.inference.services import Machine, service
from tests.gpu.conftest import Served
from tests.providers.vendors import Vendor, empty_providers, sandboxes

REGION, SIZE = "tor1", "gpu-4000adax1-20gb"
PATIENCE = 60.0


class Droplet:
    """One GPU droplet, as it boots."""

    def __init__(self, row: dict[str, Any], folder: Path) -> None:
        self.row, self.folder = row, folder
        files = yaml.safe_load(row["user_data"])["write_files"]
        written = {f["path"]: f for f in files}
        packed = base64.b64decode(written["/etc/wopr/gpu.env"]["content"]).decode()
        self.told = dict(line.split("=", 1) for line in packed.splitlines() if "=" in line)
        self.token, self._open = "", ExitStack()
        self.machines: dict[str, Machine] = {}

    def report(self, stage: str, event: str, **said: Any) -> dict[str, Any]:
        body = {"node": self.told["WOPR_NODE"], "event": event, **said}
        answer = Client().post(
            f"/internal/gpu/register?stage={stage}",
            json.dumps(body),
            content_type="application/json",
            headers={
                "Authorization": f"Bearer {self.told['WOPR_BOOT_TOKEN']}",
                "host": "127.0.0.1",
                "x-forwarded-proto": "https",
            },
            REMOTE_ADDR=self.row["address"],
        )
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    def boots(self, *, until: int = len(REPORTS)) -> None:
        for stage, event in REPORTS[:until]:
            is_last = (stage, event) == (Stage.REGISTERING, Event.END)
            said = {"certificate": self.certificate()} if is_last else {}
            answer = self.report(stage, event, **said)
            self.token = answer.get("inference_token", self.token)

    def serves(self) -> None:
        """Its four services behind TLS with its own certificate, asking for its token."""
        for kind, port in PORTS.items():
            self.machines[kind] = Machine(token=self.token)
            self._open.callback(
                Served(
                    service(self.machines[kind]),
                    host=self.row["address"],
                    port=port,
                    ssl_certfile=str(self.folder / "proxy.pem"),
                    ssl_keyfile=str(self.folder / "proxy.key"),
                ).stop
            )

    def stops(self) -> None:
        self._open.close()

    def certificate(self) -> str:
        key, now = ec.generate_private_key(ec.SECP256R1()), timezone.now()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.told["WOPR_NODE"])])
        address = x509.IPAddress(ip_address(self.row["address"]))
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = made.public_bytes(serialization.Encoding.PEM).decode()
        (self.folder / "proxy.pem").write_text(pem)
        (self.folder / "proxy.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pem


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    empty_providers()
    with sandboxes() as control:
        vendor = Vendor(control, "digitalocean")
        vendor.behave(create_seconds=0, action_seconds=0)
        provider_watch.read_catalogue("digitalocean")
        yield vendor
    empty_providers()


@pytest.fixture
def node(vendor: Vendor) -> GpuNode:
    return services.gpu_provision(
        provider="digitalocean", region=REGION, size=SIZE, cause="staff: test"
    )


@pytest.fixture
def droplet(vendor: Vendor, node: GpuNode, tmp_path: Path) -> Iterator[Callable[[], Droplet]]:
    made: list[Droplet] = []

    def born() -> Droplet:
        """The droplet, once it was ordered and has an address that the platform knows."""
        work_until(lambda: GpuNode.objects.exclude(address="").filter(pk=node.pk).exists())
        [row] = vendor.machines()
        made.append(Droplet(row, tmp_path))
        return made[-1]

    yield born
    for each in made:
        each.stops()


def work() -> Operation:
    """A worker takes the newest operation as far as it goes now."""
    operation = Operation.objects.latest("created_at")
    Operation.objects.filter(pk=operation.pk).update(next_attempt_at=operation.created_at)
    runner.run(operation.pk)
    operation.refresh_from_db()
    return operation


def work_until(seen: Callable[[], Any]) -> Operation:
    end = time.monotonic() + PATIENCE
    while True:
        operation = work()
        if seen() or not operation.is_live:
            return operation
        assert time.monotonic() < end, list(operation.steps.values_list("name", "message"))


def ended() -> Operation:
    return work_until(lambda: False)


def is_ready(droplet: Droplet) -> None:
    """Boots it to the end, and sees it at work."""
    droplet.boots()
    droplet.serves()
    services_probe()
    assert ended().state == Operation.State.SUCCEEDED
