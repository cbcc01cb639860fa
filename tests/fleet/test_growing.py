"""A larger plan is delivered where the bot is, or where there is room; else staff see it."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Entitlement, Hold, Plan
from fleet import convergence
from fleet.models import Instance, Node, Operation
from fleet.tasks import instances_reconcile
from tenants.models import Tenant, User
from tests.fleet.lives import done, living_bot, pay
from tests.fleet.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bot(instance: Instance, plan: Plan) -> Instance:
    """A paid bot that fills its machine, and is to have twice the memory from now on."""
    pay(instance.tenant, plan)
    Node.objects.update(memory_mb=plan.memory_mb)
    Instance.objects.update(status="running")
    upgrade()
    return Instance.objects.get()


def upgrade() -> None:
    Entitlement.objects.update(memory_mb=512)


def another_node(memory_mb: int) -> Node:
    return Node.objects.create(name="other", engine_url="x", address="x", memory_mb=memory_mb)


def waiting(client: Client) -> tuple[int, str]:
    figures = client.get(reverse("admin:index"), secure=True).context["figures"]
    [shown] = [figure for figure in figures if figure.label == "Paid, not delivered"]
    return shown.value, shown.note


def test_an_upgrade_without_room_moves_the_bot_to_a_machine_that_has_it(bot: Instance) -> None:
    another_node(511)
    Node.objects.filter(name="other").update(name="small")
    roomy = another_node(512)

    instances_reconcile()

    bot.refresh_from_db()
    move = Operation.objects.get()
    assert (move.kind, bot.moving_to) == ("move", roomy)
    assert move.cause == "plan: small; local has no 256 MB more for alice-co"


def test_a_move_that_failed_is_not_tried_again_at_once(bot: Instance) -> None:
    another_node(512)
    instances_reconcile()
    Operation.objects.update(state="failed", finished_at=timezone.now())
    Instance.objects.update(moving_to=None, moving_port=None)
    instances_reconcile()
    assert Operation.objects.count() == 1

    Operation.objects.update(finished_at=timezone.now() - timedelta(hours=2))
    instances_reconcile()
    assert Operation.objects.count() == 2


def test_who_paid_for_what_no_machine_has_room_for_is_on_the_first_page(
    bot: Instance, charlie: User, plan: Plan, staff_client: Client
) -> None:
    pay(Tenant.objects.get(slug="charlie"), plan)

    instances_reconcile()

    assert waiting(staff_client) == (
        2,
        "alice-co, charlie: bots or machines are missing or too small",
    )
    Hold.objects.create(tenant=bot.tenant, reason="staff")
    assert waiting(staff_client)[0] == 1


def test_an_upgrade_without_room_keeps_nothing_else_of_its_tenant_waiting(
    bot: Instance, node: Node
) -> None:
    another_node(256)
    Entitlement.objects.update(bots=2, memory_mb=257)
    instances_reconcile()
    assert not Operation.objects.exists()

    Node.objects.filter(name="other").update(memory_mb=257)
    instances_reconcile()

    assert [operation.kind for operation in Operation.objects.all()] == ["provision"]
    assert [tenant.slug for tenant in convergence.undelivered()] == ["alice-co"]


def test_a_bot_that_outgrew_its_machine_runs_larger_on_another(
    tenant: Tenant, node: Node, far: Node, plan: Plan, world: World
) -> None:
    bot = living_bot(tenant, node, plan)
    Node.objects.filter(pk=node.pk).update(memory_mb=plan.memory_mb)
    upgrade()

    instances_reconcile()
    done(Operation.objects.get(kind="move"))
    instances_reconcile()
    done(Operation.objects.get(kind="resize"))

    bot.refresh_from_db()
    assert (bot.node, bot.memory_mb, bot.status) == (far, 512, "running")
    assert convergence.undelivered() == []
