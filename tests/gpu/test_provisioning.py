"""A GPU droplet from one click to answering inference, and what happens when it does not get there.

The provider is the sandbox's DigitalOcean over HTTP.
"""

import base64
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
import yaml
from django.core.management import CommandError, call_command
from django.utils import timezone

from fleet.models import Leak, Operation, Server
from gpu import services
from gpu.booting import Event, Stage
from gpu.models import GpuNode, Service
from gpu.tasks import boots_watch, services_probe
from tests.gpu.droplets import (
    REGION,
    SIZE,
    Droplet,
    droplet,
    ended,
    is_ready,
    node,
    vendor,
    work,
    work_until,
)
from tests.providers.vendors import Vendor
from wopr.common.errors import Refused

__all__ = ["droplet", "node", "vendor"]
pytestmark = pytest.mark.django_db(transaction=True)
MODELS = [
    f"{name} {'0' * 64} https://models.example/x"
    for name in ("llama.gguf", "qwen.gguf", "chatterbox/ve.pt")
]


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
    is_ready(droplet())
    services.gpu_destroy(node=GpuNode.objects.get(), cause="staff: test")
    assert ended().state == Operation.State.SUCCEEDED
    assert vendor.machines() == []
    node.refresh_from_db()
    assert (node.stage, node.address, node.accepts_requests) == (Stage.GONE, "", False)
    assert Server.objects.get().status == Server.Status.GONE


def test_a_reboot_is_awaited_until_every_service_has_proven_itself_again(
    node: GpuNode, droplet: Callable[[], Droplet]
) -> None:
    is_ready(droplet())
    services.gpu_reboot(node=GpuNode.objects.get(), cause="staff: test")
    assert work().is_live  # up again, and nobody has seen it work
    assert set(node.services.values_list("state", flat=True)) == {Service.State.STARTING}
    services_probe()
    assert ended().state == Operation.State.SUCCEEDED


FAULTS: dict[str, dict[str, Any]] = {
    "made, never answered": {"kind": "drop", "when": "after"},
    "429": {"kind": "status", "status": 429, "retry_after": 0},
    "500": {"kind": "status", "status": 500},
    "500, but made": {"kind": "status", "status": 500, "when": "after"},
    "dropped": {"kind": "drop"},
}


@pytest.mark.parametrize("mishap", FAULTS)
def test_whatever_befalls_the_order_there_is_one_droplet_and_none_at_the_end(
    vendor: Vendor, node: GpuNode, droplet: Callable[[], Droplet], mishap: str
) -> None:
    vendor.misbehave(method="POST", path="/v2/droplets", **FAULTS[mishap])
    machine = droplet()
    assert len(vendor.machines()) == 1
    vendor.misbehave(method="DELETE", path="/v2/droplets/*", **FAULTS[mishap])
    machine.report(Stage.INSTALLING_DRIVERS, Event.FAIL, log="no card")
    assert ended().state == Operation.State.FAILED
    assert vendor.machines() == []
    assert not Leak.objects.exists()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"region": "atlantis"}, "region"),
        ({"size": "gpu-imaginary"}, "size"),
        ({"size": "s-1vcpu-1gb"}, "size: s-1vcpu-1gb"),
        ({"image": "ubuntu-24-4"}, "image: .* by WOPR_GPU_IMAGE, .* ubuntu-24-04-x64"),
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


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("WOPR_GPU_MODELS", [], "must say where llama.gguf comes from"),
        ("WOPR_GPU_MODELS", MODELS[:2], "must say where chatterbox's chatterbox/… come from"),
        ("WOPR_GPU_MODELS", ["llama.gguf https://models.example/llama.gguf"], "is not a file"),
        ("WOPR_GPU_MODELS", [f"../etc {'0' * 64} https://models.example/x"], "is not a file"),
        ("WOPR_GPU_SERVICES", {"WOPR_QWEN_MODEL": "other.gguf"}, "other.gguf comes from"),
        ("WOPR_GPU_SERVICES", {"WOPR_LAMA_SLOTS": "8"}, "WOPR_LAMA_SLOTS"),
        ("GPU_NODE_SECRET", "", "GPU_NODE_SECRET"),
    ],
)
def test_nothing_is_ordered_that_could_not_boot(
    vendor: Vendor, settings: Any, setting: str, value: object, said: str
) -> None:
    setattr(settings, setting, value)
    with pytest.raises(CommandError, match=said):
        call_command("gpu_provision", region=REGION, size=SIZE)
    assert not Server.objects.exists()


def test_a_droplet_has_the_system_that_the_drivers_are_made_for(
    vendor: Vendor, node: GpuNode, droplet: Callable[[], Droplet]
) -> None:
    assert droplet().row["image"] == "ubuntu-24-04-x64"


def test_a_droplet_has_the_system_that_was_asked_for(vendor: Vendor) -> None:
    call_command("gpu_provision", region=REGION, size=SIZE, image="gpu-h100x1-base")
    work_until(vendor.machines)
    [row] = vendor.machines()
    assert row["image"] == "gpu-h100x1-base"


def test_an_image_that_was_withdrawn_since_is_said_and_costs_nothing(
    vendor: Vendor, node: GpuNode
) -> None:
    vendor.behave(withdrawn=["ubuntu-24-04-x64"])
    operation = ended()
    assert operation.state == Operation.State.FAILED
    assert "invalid image" in operation.error
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
