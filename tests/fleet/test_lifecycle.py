"""Stopping, starting and restarting a bot on the real engine, and what is refused instead."""

import pytest
from rest_framework.test import APIClient

from billing.models import Entitlement, Hold, Plan
from fleet import services
from fleet.models import Instance, Node, Operation
from fleet.operations.steps.recreating import WaitHealthyAgain
from fleet.standings import follow
from tenants.models import Membership, Tenant, User
from tests.conftest import signed_in
from tests.fleet.lives import DATA, data_of, done, living_bot, pay, visit, worked, write
from tests.fleet.world import World

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1/instances"


@pytest.fixture
def bot(tenant: Tenant, node: Node, plan: Plan, world: World) -> Instance:
    return living_bot(tenant, node, plan)


def test_a_stopped_bot_is_down_says_so_and_keeps_its_data(bot: Instance, world: World) -> None:
    write(world, bot, DATA)

    done(services.instance_stop(instance=bot, cause="test"))

    bot.refresh_from_db()
    inspected = world.inspected(bot)
    assert (bot.status, bot.desired) == ("stopped", "stopped")
    assert inspected["State"]["Running"] is False
    assert inspected["HostConfig"]["RestartPolicy"]["Name"] == "no"
    answer = visit(bot)
    assert answer.status_code == 503
    assert "This bot is stopped" in answer.text
    assert data_of(world, bot) == DATA


def test_a_started_bot_answers_under_its_name_with_what_it_had(bot: Instance, world: World) -> None:
    write(world, bot, DATA)
    done(services.instance_stop(instance=bot, cause="test"))

    done(services.instance_start(instance=bot, cause="test"))

    bot.refresh_from_db()
    assert (bot.status, bot.desired) == ("running", "running")
    assert visit(bot).json()["name"] == "wopr"
    assert world.inspected(bot)["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert data_of(world, bot) == DATA


def test_a_restart_gives_a_new_container_and_keeps_the_data(bot: Instance, world: World) -> None:
    write(world, bot, DATA)
    before = world.inspected(bot)["Id"]

    done(services.instance_restart(instance=bot, cause="test"))

    bot.refresh_from_db()
    after = world.inspected(bot)["Id"]
    assert before != after == bot.container_id
    assert visit(bot).json()["name"] == "wopr"
    assert data_of(world, bot) == DATA


def test_a_stopped_bot_that_does_not_get_healthy_is_stopped_again(
    bot: Instance, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(services.instance_stop(instance=bot, cause="test"))
    monkeypatch.setattr(WaitHealthyAgain, "deadline", -1.0)
    monkeypatch.setattr(WaitHealthyAgain, "patience", 0.0)
    monkeypatch.setattr("fleet.gateways.bot.is_healthy", lambda _upstream: False)

    operation = worked(services.instance_start(instance=bot, cause="test"))

    bot.refresh_from_db()
    assert operation.state == Operation.State.FAILED
    assert "does not answer" in operation.error
    assert bot.status == "stopped"
    assert world.inspected(bot)["State"]["Running"] is False
    assert visit(bot).status_code == 503


def test_a_bot_that_its_owner_stopped_comes_back_from_a_suspension_stopped(
    bot: Instance, world: World
) -> None:
    done(services.instance_stop(instance=bot, cause="test"))
    hold = Hold.objects.create(tenant=bot.tenant, reason="staff")
    [suspension] = follow()
    done(suspension)
    assert visit(bot).status_code == 402
    hold.delete()

    [resumption] = follow()
    done(resumption)

    bot.refresh_from_db()
    assert (bot.status, bot.desired) == ("stopped", "stopped")
    assert world.inspected(bot)["State"]["Running"] is False
    assert visit(bot).status_code == 503


@pytest.fixture
def paid(instance: Instance, plan: Plan) -> Instance:
    """A bot of which there are rows only, said to run."""
    pay(instance.tenant, plan)
    instance.status = Instance.Status.RUNNING
    instance.save()
    return instance


@pytest.mark.parametrize(
    ("status", "action", "code"),
    [
        ("running", "start", "already_running"),
        ("stopped", "stop", "already_stopped"),
        ("stopped", "restart", "instance_stopped"),
        ("stopped", "rename", "instance_stopped"),
        ("starting", "stop", "instance_starting"),
        ("failed", "start", "instance_failed"),
        ("terminated", "backups", "instance_terminated"),
        ("suspended", "start", "instance_suspended"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(
    api: APIClient, paid: Instance, status: str, action: str, code: str
) -> None:
    Instance.objects.update(status=status)

    answer = api.post(f"{API}/{paid.pk}/{action}", {"slug": "another"})

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert paid.slug in answer.json()["message"]
    assert not Operation.objects.exists()


def test_a_second_operation_is_refused_while_one_is_under_way(
    api: APIClient, paid: Instance
) -> None:
    first = api.post(f"{API}/{paid.pk}/stop")
    second = api.post(f"{API}/{paid.pk}/restart")

    assert (first.status_code, first.json()["kind"]) == (202, "stop")
    assert (second.status_code, second.json()["code"]) == (409, "operation_live")
    assert Operation.objects.count() == 1


def test_what_the_owner_asked_is_kept_from_the_moment_it_was_asked(
    api: APIClient, paid: Instance
) -> None:
    api.post(f"{API}/{paid.pk}/stop")

    paid.refresh_from_db()
    assert (paid.desired, paid.status) == ("stopped", "running")


def test_an_unpaid_bot_is_not_started(api: APIClient, paid: Instance) -> None:
    Instance.objects.update(status="stopped")
    Entitlement.objects.update(status="canceled", lapsed_at=paid.created_at)

    answer = api.post(f"{API}/{paid.pk}/start")

    assert (answer.status_code, answer.json()["code"]) == (402, "payment_required")


def test_a_bot_on_hold_is_not_started_and_payment_is_not_asked_for(
    api: APIClient, paid: Instance
) -> None:
    Instance.objects.update(status="suspended")
    Hold.objects.create(tenant=paid.tenant, reason="staff")

    answer = api.post(f"{API}/{paid.pk}/start")

    assert (answer.status_code, answer.json()["code"]) == (409, "tenant_held")


@pytest.mark.parametrize(("role", "status"), [("admin", 202), ("member", 202), ("billing", 403)])
def test_everybody_but_who_only_pays_operates_the_bot(
    paid: Instance, bob: User, role: str, status: int
) -> None:
    Membership.objects.filter(user=bob).update(role=role)

    assert signed_in(bob).post(f"{API}/{paid.pk}/stop").status_code == status


def test_to_a_stranger_there_is_no_such_bot(paid: Instance, charlie: User) -> None:
    assert signed_in(charlie).post(f"{API}/{paid.pk}/stop").status_code == 404
