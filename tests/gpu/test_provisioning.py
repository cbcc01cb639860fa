"""A GPU droplet from one click to answering inference, and what happens when it does not get there.

The provider is the sandbox's DigitalOcean over HTTP; the machine does by hand what its cloud-init
would do: it reports from its own address and serves with the certificate that it made.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from io import StringIO
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from fleet import provider_watch
from fleet.models import Leak, Operation, Server
from fleet.operations import runner
from gpu import services
from gpu.booting import REPORTS, Event, Stage
from gpu.catalogue import PORTS
from gpu.models import GpuNode, Service
from gpu.tasks import boots_watch, services_probe
from sandbox.inference.services import Machine, service
from tests.gpu.conftest import Served
from tests.providers.vendors import Vendor, empty_providers, sandboxes
from wopr.common.errors import Refused

pytestmark = pytest.mark.django_db(transaction=True)
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
        for port in PORTS.values():
            self._open.callback(
                Served(
                    service(Machine(token=self.token)),
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
def vendor(settings: Any) -> Iterator[Vendor]:
    settings.GPU_NODE_SECRET = "a secret of the tests"
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


def test_a_droplet_boots_serves_and_is_ready_only_after_real_work(
    node: GpuNode, droplet: Callable[[], Droplet]
) -> None:
    machine = droplet()
    assert not node.services.exists()
    machine.boots()
    assert work().is_live  # booted, and nobody has seen it work
    machine.serves()
    services_probe()
    assert set(node.services.values_list("state", flat=True)) == {Service.State.READY}
    assert ended().state == Operation.State.SUCCEEDED
    server = Server.objects.get()
    assert (server.status, server.purpose) == (Server.Status.READY, Server.Purpose.GPU)
    assert server.hourly > 0


def test_what_a_droplet_is_told_holds_no_shared_secret(
    vendor: Vendor, droplet: Callable[[], Droplet], node: GpuNode, settings: Any
) -> None:
    droplet()
    [row] = vendor.machines()
    unpacked = row["user_data"] + "".join(
        base64.b64decode(f["content"]).decode()
        for f in yaml.safe_load(row["user_data"])["write_files"]
        if f.get("encoding") == "b64"
    )
    assert settings.GPU_NODE_SECRET not in unpacked
    assert node.inference_token not in unpacked
    assert settings.SECRET_KEY not in unpacked


def test_a_failed_boot_leaves_no_droplet_that_costs_money(
    vendor: Vendor, node: GpuNode, droplet: Callable[[], Droplet]
) -> None:
    machine = droplet()
    machine.boots(until=3)
    machine.report(Stage.INSTALLING_DOCKER, Event.FAIL, log="E: Unable to locate package")
    operation = ended()
    assert operation.state == Operation.State.FAILED
    assert "Unable to locate package" in operation.error
    assert vendor.machines() == []
    assert Server.objects.get().status == Server.Status.FAILED
    assert not Leak.objects.exists()


def test_a_boot_that_stalls_is_failed_with_its_cause_and_cleaned_up(
    vendor: Vendor, node: GpuNode, droplet: Callable[[], Droplet]
) -> None:
    droplet().boots(until=5)
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        boots_watch()
        node.refresh_from_db()
        assert node.failure == "downloading_models took longer than 2:00:00"
        assert ended().state == Operation.State.FAILED
    assert vendor.machines() == []


def test_a_node_that_is_given_back_is_seen_gone_and_asked_nothing_more(
    vendor: Vendor, node: GpuNode, droplet: Callable[[], Droplet]
) -> None:
    machine = droplet()
    machine.boots()
    machine.serves()
    services_probe()
    ended()
    services.gpu_destroy(node=GpuNode.objects.get(), cause="staff: test")
    assert ended().state == Operation.State.SUCCEEDED
    assert vendor.machines() == []
    node.refresh_from_db()
    assert (node.stage, node.address, node.accepts_requests) == (Stage.GONE, "", False)
    assert Server.objects.get().status == Server.Status.GONE


def test_a_reboot_is_awaited(node: GpuNode, droplet: Callable[[], Droplet]) -> None:
    machine = droplet()
    machine.boots()
    machine.serves()
    services_probe()
    ended()
    services.gpu_reboot(node=GpuNode.objects.get(), cause="staff: test")
    assert ended().state == Operation.State.SUCCEEDED


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"region": "atlantis"}, "region"),
        ({"size": "gpu-imaginary"}, "size"),
        ({"size": "s-1vcpu-1gb"}, "size: s-1vcpu-1gb"),
    ],
)
def test_the_command_names_what_cannot_be_ordered(
    vendor: Vendor, changes: dict[str, str], named: str
) -> None:
    wishes = {"region": REGION, "size": SIZE, **changes}
    with pytest.raises(CommandError, match=named):
        call_command("gpu_provision", **wishes)
    assert not Server.objects.exists()
    assert vendor.machines() == []


def test_the_command_orders_a_node(vendor: Vendor) -> None:
    said = StringIO()
    call_command("gpu_provision", region=REGION, size=SIZE, stdout=said)
    assert GpuNode.objects.get().name in said.getvalue()
    assert Operation.objects.get().kind == "gpu_create"


def test_a_node_made_by_hand_is_not_given_back(db: None) -> None:
    by_hand = GpuNode.objects.create(name="by-hand", address="127.0.0.1")
    with pytest.raises(Refused, match="not bought by WOPR"):
        services.gpu_destroy(node=by_hand, cause="staff: test")
