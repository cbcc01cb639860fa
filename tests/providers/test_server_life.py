"""Servers from the order to the end, at providers who keep their promises and who do not."""

from collections.abc import Callable
from typing import Any

import pytest

from fleet import offers, server_services
from fleet.models import CatalogueOffer, Instance, Leak, Node, Operation, Server
from fleet.operations import runner
from fleet.operations.steps.servers import AwaitEnrolment, BootMachine, RemoveMachine
from tests.providers.life import Life
from tests.providers.vendors import Vendor
from wopr.common.errors import Refused

pytestmark = pytest.mark.django_db(transaction=True)
Order = Callable[[Vendor], Server]


def test_an_ordered_server_boots_enrols_and_is_ready(life: Life) -> None:
    assert life.finish().state == Operation.State.SUCCEEDED, life.operation.error
    server = life.server
    assert server.status == Server.Status.READY
    assert life.history() == ["creating", "booting", "enrolling", "ready"]
    [machine] = life.vendor.machines()
    assert server.provider_id == str(machine["id"])
    assert server.address == machine["address"]
    node = Node.objects.get(server=server)
    assert (node.address, node.memory_mb) == (server.address, server.memory_mb)
    assert node.accepts_instances
    assert server.hourly > 0


def test_a_destroyed_server_is_seen_gone_and_its_node_goes_with_it(life: Life) -> None:
    life.finish()
    server_services.server_destroy(server=life.server, cause="test")
    assert life.finish().state == Operation.State.SUCCEEDED, life.operation.error
    assert life.server.status == Server.Status.GONE
    assert life.vendor.machines() == []
    assert not Node.objects.exists()
    assert life.history()[-3:] == ["draining", "destroying", "gone"]


def test_a_server_with_bots_is_not_given_back(life: Life, instance: Instance) -> None:
    life.finish()
    Instance.objects.filter(pk=instance.pk).update(node=life.server.node)
    with pytest.raises(Refused, match="drain it first"):
        server_services.server_destroy(server=life.server, cause="test")
    assert life.server.status == Server.Status.READY


FAULTS: dict[str, dict[str, Any]] = {
    "made, never answered": {"kind": "drop", "when": "after"},
    "429": {"kind": "status", "status": 429, "retry_after": 0},
    "500": {"kind": "status", "status": 500},
    "500, but made": {"kind": "status", "status": 500, "when": "after"},
    "dropped": {"kind": "drop"},
}


@pytest.mark.parametrize("mishap", FAULTS)
def test_whatever_befalls_the_order_there_is_one_machine(life: Life, mishap: str) -> None:
    life.vendor.misbehave(method="POST", path=life.vendor.path, **FAULTS[mishap])
    assert life.finish().state == Operation.State.SUCCEEDED, life.operation.error
    assert len(life.vendor.machines()) == 1


@pytest.mark.parametrize("mishap", FAULTS)
def test_whatever_befalls_the_end_nothing_is_left(life: Life, mishap: str) -> None:
    life.finish()
    server_services.server_destroy(server=life.server, cause="test")
    life.vendor.misbehave(method="DELETE", path=f"{life.vendor.path}/*", **FAULTS[mishap])
    assert life.finish().state == Operation.State.SUCCEEDED, life.operation.error
    assert life.vendor.machines() == []
    assert not Leak.objects.exists()


def test_a_machine_that_never_runs_is_given_back(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BootMachine, "deadline", 0.0)
    monkeypatch.setattr(BootMachine, "patience", 0.1)
    life.vendor.behave(failing={"create": 1, "power_on": 1000})
    assert life.finish().state == Operation.State.FAILED
    assert life.server.status == Server.Status.FAILED
    assert "boot_machine: the machine is off" in life.server.reason
    assert life.vendor.machines() == []
    assert not Leak.objects.exists()


def test_a_machine_that_never_enrols_is_given_back(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AwaitEnrolment, "deadline", 0.0)
    monkeypatch.setattr(AwaitEnrolment, "patience", 0.0)
    monkeypatch.setattr(Life, "boot", lambda _: None)
    assert life.finish().state == Operation.State.FAILED
    assert "has not enrolled" in life.server.reason
    assert life.vendor.machines() == []


def test_what_cannot_be_given_back_is_a_leak_with_its_price(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr(AwaitEnrolment, "deadline", 0.0)
    monkeypatch.setattr(AwaitEnrolment, "patience", 0.0)
    monkeypatch.setattr(Life, "boot", lambda _: None)
    life.vendor.misbehave("status", status=500, method="DELETE", path="*", times=None)
    assert life.finish().state == Operation.State.FAILED
    assert life.server.status == Server.Status.LEAKED
    leak = Leak.objects.get()
    assert leak.cost_per_day == pytest.approx(life.server.per_day, abs=0.001)
    assert life.server.name in leak.resource
    life.vendor.control.clear()
    server_services.server_destroy(server=life.server, cause="test")
    assert life.finish().state == Operation.State.SUCCEEDED
    leak.refresh_from_db()
    assert leak.resolved_at is not None
    assert life.vendor.machines() == []


def test_a_machine_that_stays_after_its_end_is_a_leak(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    life.finish()
    monkeypatch.setattr(RemoveMachine, "deadline", 0.0)
    monkeypatch.setattr(RemoveMachine, "patience", 0.0)
    life.vendor.behave(failing={"destroy": 1000})
    server_services.server_destroy(server=life.server, cause="test")
    assert life.finish().state == Operation.State.FAILED
    assert life.server.status == Server.Status.LEAKED
    assert Leak.objects.get().currency == life.server.currency


@pytest.mark.parametrize(
    "conduct", [{"server_limit": 0}, {"out_of_stock": ["cx22", "s-1vcpu-2gb"]}]
)
def test_what_is_sold_out_everywhere_meanwhile_fails_clearly(
    life: Life, conduct: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "DEAREST", 0)
    life.vendor.behave(**conduct)
    assert life.finish().state == Operation.State.FAILED
    assert life.server.status == Server.Status.FAILED
    assert "refused" in life.server.reason
    assert life.vendor.machines() == []


def test_a_server_is_rebooted(life: Life) -> None:
    life.finish()
    life.vendor.behave(failing={"reboot": 1})
    server_services.server_reboot(server=life.server, cause="test")
    assert life.finish().state == Operation.State.SUCCEEDED, life.operation.error
    rebooted = [r for r in life.vendor.requests(method="POST") if "actions" in r["path"]]
    assert len(rebooted) == 2, "the first one failed at the provider"


def test_a_server_is_resized_and_the_books_follow(life: Life) -> None:
    life.finish()
    before = life.server.monthly
    bigger = life.vendor.bigger
    server_services.server_resize(server=life.server, size=bigger, cause="test")
    assert life.finish().state == Operation.State.SUCCEEDED, life.operation.error
    [machine] = life.vendor.machines()
    assert (machine["size"], machine["status"]) == (bigger, "running")
    assert life.server.size == bigger
    assert life.server.monthly > before
    offer = CatalogueOffer.objects.get(
        provider=life.vendor.name, region=life.vendor.region, size=bigger
    )
    assert life.server.memory_mb == offer.memory_mb


def test_a_resize_that_is_sold_out_leaves_the_server_running_as_it_was(life: Life) -> None:
    life.finish()
    size = life.server.size
    life.vendor.behave(out_of_stock=[life.vendor.bigger])
    server_services.server_resize(server=life.server, size=life.vendor.bigger, cause="test")
    assert life.finish().state == Operation.State.FAILED
    [machine] = life.vendor.machines()
    assert (machine["size"], machine["status"]) == (size, "running")
    assert (life.server.size, life.server.status) == (size, Server.Status.READY)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"provider": "nobody"}, "unknown_provider"),
        ({"provider": "linode"}, "provider_not_configured"),
        ({"region": "moon"}, "unknown_region"),
        ({"size": "huge"}, "unknown_size"),
    ],
)
def test_an_order_that_cannot_be_is_refused_and_makes_nothing(
    hetzner: Vendor, catalogue: None, wrong: dict[str, str], code: str
) -> None:
    wanted = {"provider": "hetzner", "region": hetzner.region, "size": hetzner.size}
    with pytest.raises(Refused) as refusal:
        server_services.server_request(**{**wanted, **wrong}, cause="test")
    assert refusal.value.code == code
    assert not Server.objects.exists()
