"""What does not work is helped, from the smallest remedy to the last, and never for ever."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from fleet.models import Operation, Server
from gpu import remedies, services
from gpu.models import GpuNode, Remedy, Service
from gpu.tasks import boots_watch, remedies_sweep, services_probe
from tenants.models import User
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
)
from tests.providers.vendors import Vendor

__all__ = ["droplet", "node", "vendor"]
pytestmark = pytest.mark.django_db(transaction=True)
Action = Remedy.Action
STEP = timedelta(minutes=25)  # longer than any start may take


@pytest.fixture(autouse=True)
def staff(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    User.objects.create_user("staff@example.com", None, is_staff=True)


@pytest.fixture
def machine(droplet: Callable[[], Droplet]) -> Droplet:
    """A node at work."""
    made = droplet()
    is_ready(made)
    return made


def hours(number: float) -> None:
    """What beat and a worker do in that time."""
    now, passed = timezone.now(), timedelta()
    while passed < timedelta(hours=number):
        passed += STEP
        with time_machine.travel(now + passed):
            services_probe()
            boots_watch()
            remedies_sweep()
            if Operation.objects.live().exists():
                work()


def done() -> list[str]:
    return list(Remedy.objects.order_by("created_at").values_list("action", flat=True))


def test_a_service_that_breaks_is_restarted_and_seen_at_work(machine: Droplet) -> None:
    machine.machines["whisper"].broken = True
    with time_machine.travel(timezone.now() + timedelta(minutes=6)) as clock:
        services_probe()
        remedies_sweep()
        assert done() == []  # one mishap is none yet
        clock.shift(timedelta(minutes=3))
        remedies_sweep()
        assert work().kind == "gpu_restart"
        assert [m.restarts for m in machine.machines.values()] == [0, 0, 1, 0]
        assert Service.objects.get(kind="whisper").state == Service.State.STARTING
        services_probe()
        assert ended().state == Operation.State.SUCCEEDED
        remedies_sweep()
    remedy = Remedy.objects.get()
    assert (remedy.action, remedy.service.kind, remedy.outcome) == (  # type: ignore[union-attr]
        Action.RESTART, "whisper", "it worked",
    )  # fmt: skip
    assert mail.outbox == []


def test_what_no_restart_helps_is_rebooted_replaced_and_told_and_then_left_alone(
    machine: Droplet, vendor: Vendor
) -> None:
    """The new node never boots here, so it is given back, and the broken one is kept."""
    machine.machines["llama"].broken = machine.machines["llama"].incurable = True

    hours(20)

    assert done() == [
        Action.RESTART, Action.RESTART, Action.REBOOT, Action.REBOOT, Action.REPLACE, Action.TELL,
    ]  # fmt: skip
    assert [m["id"] for m in vendor.machines()] == [machine.row["id"]]
    assert not Remedy.objects.filter(ended_at=None).exists()
    [letter] = mail.outbox
    assert "needs you" in letter.subject
    assert "reboot the machine" in letter.body


def test_a_machine_that_is_silent_is_rebooted_since_nobody_there_could_restart_anything(
    machine: Droplet,
) -> None:
    machine.stops()
    with time_machine.travel(timezone.now() + timedelta(minutes=6)) as clock:
        for _ in range(3):
            services_probe()
        clock.shift(timedelta(minutes=3))
        remedies_sweep()
        machine.serves()
        assert work().kind == "gpu_reboot"
        services_probe()
        assert ended().state == Operation.State.SUCCEEDED
    assert done() == [Action.REBOOT]


def test_a_node_is_given_back_once_another_was_seen_at_work(
    machine: Droplet, node: GpuNode, vendor: Vendor
) -> None:
    new = services.gpu_provision(provider="digitalocean", region=REGION, size=SIZE, cause="test")
    Remedy.objects.create(node=node, action=Action.REPLACE, reason="x", replacement=new)
    remedies_sweep()
    assert Server.objects.get(gpu_node=node).status == Server.Status.READY
    Operation.objects.filter(subject_id=new.server_id).update(
        state=Operation.State.SUCCEEDED, finished_at=timezone.now()
    )
    Server.objects.filter(gpu_node=new).update(status=Server.Status.READY)
    remedies_sweep()
    assert ended().state == Operation.State.SUCCEEDED
    assert vendor.machines() == []
    node.refresh_from_db()
    assert node.stage == GpuNode.Stage.GONE
    assert Remedy.objects.get().outcome == f"{new} took its place"


def test_a_node_made_by_hand_is_only_told_about(gpu_node: Callable[..., Any]) -> None:
    gpu_node().served.stop()
    Service.objects.update(state=Service.State.DOWN)
    Service.objects.update(since=timezone.now() - timedelta(hours=1))
    remedies_sweep()
    remedies_sweep()
    assert done() == [Action.TELL]
    assert len(mail.outbox) == 1


def test_a_node_that_somebody_just_sees_to_does_not_keep_help_from_the_others(
    machine: Droplet, node: GpuNode, gpu_node: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu_node("made-by-hand")
    Service.objects.update(state=Service.State.DEGRADED)
    Service.objects.update(since=timezone.now() - timedelta(hours=1))
    look = remedies.ailing

    def meanwhile(each: GpuNode) -> Any:
        if each.pk == node.pk:
            services.gpu_reboot(node=node, cause="staff: test")
        return look(each)

    monkeypatch.setattr(remedies, "ailing", meanwhile)
    remedies_sweep()
    assert done() == [Action.TELL]
    assert Operation.objects.live().get().cause == "staff: test"
