"""A bot that ends takes its customer's own domain along, on the real engine and edge."""

import pytest

from billing.models import Plan
from dns.models import CustomDomain
from fleet import edge
from fleet.models import Instance, Node, Operation, Route
from fleet.operations import ledger
from tenants.models import Tenant
from tests.fleet.lives import living_bot, told, worked
from tests.fleet.world import World

NAME = "bot.alice.example"


@pytest.mark.django_db(transaction=True)
def test_a_bot_that_is_terminated_leaves_no_route_under_its_own_domain(
    world: World, tenant: Tenant, node: Node, plan: Plan
) -> None:
    bot = living_bot(tenant, node, plan)
    CustomDomain.objects.create(
        tenant=tenant,
        owner=bot.reference,
        hostname=NAME,
        target=bot.hostname,
        state=CustomDomain.State.ACTIVE,
    )
    Route.objects.create(hostname=NAME, instance=bot, upstream=bot.upstream)
    edge.publish()
    assert world.routes(NAME) == [bot.upstream]

    ended = worked(
        ledger.operation_open(kind="terminate", subject=bot, tenant=tenant, cause="test")
    )

    assert ended.state == Operation.State.SUCCEEDED, told(ended)
    bot.refresh_from_db()
    assert bot.status == Instance.Status.TERMINATED
    assert world.routes(NAME) == []
    assert not CustomDomain.objects.exists()
    assert not Route.objects.exists()
