"""The boot script as it is, in a root of Debian: every stage, every retry, and a reboot."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gpu.booting import REPORTS, Stage
from gpu.models import GpuNode
from gpu.user_data import user_data
from tests.gpu.boot_world import FILES, Computer, Network, computer, download, vendors
from tests.gpu.conftest import Served

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return vendors(tmp_path_factory.mktemp("vendors"))


@pytest.fixture
def network(files: Path) -> Network:
    return Network(files)


@pytest.fixture
def url(network: Network) -> Iterator[str]:
    served = Served(network.app())
    yield served.url
    served.stop()


@pytest.fixture
def machine(tmp_path: Path, url: str) -> Iterator[Computer]:
    made = computer(tmp_path, url)
    yield made
    shutil.rmtree(made.root)


@pytest.fixture
def node(machine: Computer, network: Network, url: str, settings: Any) -> Callable[..., GpuNode]:
    def born(*, models: list[str]) -> GpuNode:
        """A new one, whose address the provider has not told yet."""
        settings.GPU_NODE_SECRET = "a secret of the tests"
        settings.WOPR_ENROLMENT_URL = url
        settings.WOPR_NVIDIA_DRIVERS = f"{url}/drivers"
        settings.WOPR_NVIDIA_TOOLKIT = f"{url}/toolkit"
        settings.WOPR_GPU_MODELS = models
        row = GpuNode.objects.create(name="gpu-1")
        machine.is_born(user_data(row))
        return row

    return born


def test_a_machine_boots_through_lost_answers_broken_downloads_and_a_reboot(
    node: Callable[..., GpuNode], machine: Computer, network: Network, url: str
) -> None:
    network.lost = {Stage.INSTALLING_DOCKER, Stage.STARTING_SERVICES}
    models = [download(network.vendors / name, url) for name in FILES]
    row = node(models=models)

    first = machine.boots()
    assert first.returncode == 0, first.stdout
    assert network.reports[:2] == [(Stage.INSTALLING_DRIVERS, 503), (Stage.INSTALLING_DRIVERS, 200)]
    assert len(network.reports) == 2  # the card needs a reboot

    second = machine.boots()
    assert second.returncode == 0, second.stdout
    row.refresh_from_db()
    assert row.stage == Stage.DONE
    assert "BEGIN CERTIFICATE" in row.certificate
    assert list(row.reports.values_list("stage", "event")) == list(REPORTS)
    for lost in (Stage.INSTALLING_DOCKER, Stage.STARTING_SERVICES):
        assert [s for stage, s in network.reports if stage == lost] == [200, 409, 200]
    for name in FILES:
        kept = machine.file(f"/var/lib/wopr/models/{name}").read_bytes()
        assert kept == (network.vendors / name).read_bytes()
    told = machine.file("/etc/wopr/proxy.env").read_text()
    assert told == f"WOPR_INFERENCE_TOKEN={row.inference_token}\n"
    assert "up --detach --wait" in machine.file("/docker-was-told").read_text()
    assert machine.file("/var/lib/wopr/done").exists()


def test_a_model_that_is_not_what_its_checksum_says_ends_the_boot_and_is_said(
    node: Callable[..., GpuNode], machine: Computer, network: Network, url: str, tmp_path: Path
) -> None:
    machine.file("/rebooted").touch()  # the card is there at once
    forged = tmp_path / "llama.gguf"
    forged.write_bytes(b"another model")
    row = node(models=[download(forged, url)])

    assert machine.boots().returncode == 1
    row.refresh_from_db()
    assert row.stage == Stage.FAILED
    assert "llama.gguf is not what its checksum says" in row.failure
    assert not machine.file("/var/lib/wopr/models/llama.gguf").exists()
    assert machine.file("/var/lib/wopr/failed").exists()
