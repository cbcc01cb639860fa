"""A bot that its owner does not want any more ends, unless the plan would replace it at once."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from billing.models import Entitlement, Hold, Plan
from fleet import services
from fleet.models import Instance, Node, Operation
from fleet.standings import follow
from tenants.models import Tenant, User
from tests.conftest import signed_in
from tests.fleet.lives import done, living_bot, pay, worked
from tests.fleet.world import NOTHING_OUTSIDE, World, run_bot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(instance: Instance, plan: Plan) -> Instance:
    """The row of a bot that runs and is paid for."""
    pay(instance.tenant, plan)
    Instance.objects.update(status="running")
    instance.refresh_from_db()
    return instance


def delete(client: APIClient, bot: Instance) -> tuple[int, str]:
    answer = client.post(f"/api/v1/instances/{bot.pk}/delete")
    return answer.status_code, answer.json().get("code", "")


def test_of_more_bots_than_are_paid_for_the_owner_chooses_which_one_goes(
    api: APIClient, tenant: Tenant, node: Node, plan: Plan, world: World
) -> None:
    older = living_bot(tenant, node, plan)
    younger = run_bot(tenant, node, slug="alice-co--2")
    [suspension] = follow()
    done(suspension)

    assert delete(api, older) == (202, "")
    done(Operation.objects.get(kind="terminate"))

    older.refresh_from_db()
    assert older.status == "terminated"
    assert older.backups.get().proven_at is not None
    outside = world.counted(older)
    assert {kind: outside[kind] for kind in ("containers", "volumes", "routes", "records")} == {
        kind: NOTHING_OUTSIDE[kind] for kind in ("containers", "volumes", "routes", "records")
    }
    [resumption] = follow()
    done(resumption)
    younger.refresh_from_db()
    assert younger.status == "running"


def test_one_that_the_plan_would_replace_is_refused(api: APIClient, paid: Instance) -> None:
    assert delete(api, paid) == (409, "bot_in_plan")
    assert not Operation.objects.exists()


def test_one_that_is_not_paid_for_any_more_may_go_at_once(api: APIClient, paid: Instance) -> None:
    Entitlement.objects.update(status="canceled", lapsed_at=timezone.now())

    assert delete(api, paid) == (202, "")


def test_what_a_hold_is_about_is_not_deleted(api: APIClient, paid: Instance) -> None:
    Hold.objects.create(tenant=paid.tenant, reason="ban")

    assert delete(api, paid) == (409, "tenant_held")


def test_only_the_owner_may(paid: Instance, erin: User, bob: User) -> None:
    assert delete(signed_in(erin), paid)[0] == delete(signed_in(bob), paid)[0] == 403


def test_a_deletion_that_failed_goes_on_until_nothing_is_left(
    tenant: Tenant, node: Node, plan: Plan, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.operations.runner.MAX_ATTEMPTS", 1)
    bot = living_bot(tenant, node, plan)
    Entitlement.objects.update(bots=0, refreshed_at=timezone.now())
    engine_url = node.engine_url
    Node.objects.update(engine_url="unix:///nowhere")
    assert worked(services.instance_delete(instance=bot, cause="test")).state == "failed"
    Node.objects.update(engine_url=engine_url)
    assert follow() == [], "it rests for a while"

    Operation.objects.update(finished_at=timezone.now() - timedelta(minutes=11))
    [again] = follow()
    done(again)

    bot.refresh_from_db()
    assert (again.kind, again.cause, bot.status) == (
        "terminate", "standing: deleted by its owner", "terminated",
    )  # fmt: skip
