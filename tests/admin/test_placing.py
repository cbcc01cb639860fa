"""Staff have a bot live elsewhere, or end it, from its page."""

import pytest
from django.test import Client

from billing.models import Entitlement, Plan
from fleet.models import Instance, Node, Operation
from tests.admin.pages import press
from tests.fleet.lives import pay

pytestmark = pytest.mark.django_db


@pytest.fixture
def running(instance: Instance, plan: Plan) -> Instance:
    pay(instance.tenant, plan)
    instance.status = "running"
    instance.save()
    return instance


@pytest.fixture
def others(db: None) -> list[Node]:
    return [
        Node.objects.create(name=name, engine_url="unix:///x", address="x", memory_mb=memory_mb)
        for name, memory_mb in (("small", 1024), ("large", 4096))
    ]


def test_a_bot_is_moved_to_the_machine_that_was_chosen_or_to_the_roomiest(
    staff_client: Client, running: Instance, others: list[Node]
) -> None:
    small, large = others
    for chosen, target in ((str(small.pk), small), ("", large)):
        press(staff_client, running, "move", target=chosen)
        running.refresh_from_db()
        assert running.moving_to == target
        Instance.objects.update(moving_to=None, moving_port=None)
        Operation.objects.all().delete()


def test_without_room_it_is_said(staff_client: Client, running: Instance) -> None:
    assert "No node has 256 MB" in press(staff_client, running, "move").content.decode()
    assert not Operation.objects.exists()


def test_a_bot_that_its_plan_pays_for_is_not_deleted_and_another_is(
    staff_client: Client, running: Instance
) -> None:
    said = press(staff_client, running, "delete_bot").content.decode()
    assert "another bot would be set up" in said
    Entitlement.objects.update(bots=0)

    press(staff_client, running, "delete_bot")

    operation = Operation.objects.get()
    assert (operation.kind, operation.subject_id) == ("terminate", running.pk)
    assert operation.cause.startswith("staff: ")
