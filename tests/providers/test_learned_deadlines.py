"""How long a machine is waited for is learned from the machines before it."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from fleet.models import Operation, Server
from fleet.operations.steps.servers import AwaitEnrolment
from tests.providers.life import Life

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("vendor", ["hetzner"], indirect=True),
]


def enrolled_within(seconds: int) -> None:
    """A machine of the past."""
    now = timezone.now()
    order = Operation.objects.create(
        kind="server_create", subject_kind="server", subject_id=uuid4(), cause="test",
        state=Operation.State.SUCCEEDED, finished_at=now,
    )  # fmt: skip
    order.steps.create(
        position=0, name=AwaitEnrolment.name, state="done",
        started_at=now - timedelta(seconds=seconds), finished_at=now,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("past", "waited", "lost"),
    [
        pytest.param([100, 100, 100, 100, 200], 9, False, id="as long as thrice the slowest"),
        pytest.param([100, 100, 100, 100, 200], 11, True, id="and no longer"),
        pytest.param([1] * 5, 4, False, id="never less than five minutes"),
        pytest.param([1] * 5, 6, True, id="which are over"),
        pytest.param([1] * 4, 29, False, id="half an hour while too few are known"),
        pytest.param([3000] * 5, 31, True, id="and never longer"),
    ],
)
def test_a_machine_that_does_not_enrol_is_waited_for(
    life: Life, monkeypatch: pytest.MonkeyPatch, past: list[int], waited: int, lost: bool
) -> None:
    for seconds in past:
        enrolled_within(seconds)
    monkeypatch.setattr(Life, "boot", lambda _: None)
    while life.work().is_live and life.operation.steps.get(name=AwaitEnrolment.name).state not in {
        "waiting", "failed",
    }:  # fmt: skip
        continue
    with time_machine.travel(timezone.now() + timedelta(minutes=waited)):
        if lost:
            assert life.finish().state == Operation.State.FAILED
            assert "has not enrolled" in life.server.reason
            assert life.vendor.machines() == []
        else:
            assert life.work().is_live
            assert life.server.status == Server.Status.ENROLLING
