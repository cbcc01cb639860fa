"""What an ending could not remove is on the books with its price, until it is seen gone."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Plan
from fleet.models import Instance, Leak, Node, Operation
from fleet.operations import ledger
from tenants.models import Tenant
from tests.fleet.lives import done, living_bot, worked
from tests.fleet.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bot(
    tenant: Tenant, node: Node, plan: Plan, world: World, monkeypatch: pytest.MonkeyPatch
) -> Instance:
    monkeypatch.setattr("fleet.operations.runner.MAX_ATTEMPTS", 1)
    return living_bot(tenant, node, plan)


def ending(bot: Instance) -> Operation:
    return ledger.operation_open(kind="terminate", subject=bot, tenant=bot.tenant, cause="test")


def test_what_an_ending_leaves_is_booked_once_and_struck_out_when_it_is_gone(
    bot: Instance, world: World, staff_client: Client
) -> None:
    mount = world.engine.api.create_host_config(binds=[f"{bot.volume_name}:/somewhere"])
    image = world.inspected(bot)["Config"]["Image"]
    holder = world.engine.api.create_container(image, host_config=mount)["Id"]
    try:
        for _ in range(2):
            assert worked(ending(bot)).state == Operation.State.FAILED
    finally:
        world.engine.api.remove_container(holder)

    [leak] = Leak.objects.all()
    assert leak.resource == f"volume {bot.volume_name} on local"
    assert (leak.cost_per_day, leak.resolved_at) == (Decimal("0.0020"), None)
    assert "remove_volume" in leak.reason
    page = staff_client.get(reverse("admin:index"), secure=True)
    shown = {figure.label: figure.value for figure in page.context["figures"]}
    assert (shown["Leaks"], shown["Operations that failed today"]) == (1, 2)

    done(ending(bot))

    leak.refresh_from_db()
    assert leak.resolved_at is not None


def test_what_cannot_be_reached_costs_what_it_takes(bot: Instance, world: World) -> None:
    Node.objects.update(engine_url="unix:///nowhere")

    assert worked(ending(bot)).state == Operation.State.FAILED

    costs = dict(Leak.objects.values_list("step", "cost_per_day"))
    assert costs == {
        "remove_container": Decimal("0.0325"),
        "remove_volume": Decimal("0.0020"),
    }
