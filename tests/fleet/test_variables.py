"""A bot's own variables: checked, sealed, given at its creation, and taken back if they harm."""

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from billing.models import Plan
from fleet import services
from fleet.models import Instance, Node, Operation, Variable
from fleet.operations.steps.recreating import WaitHealthyAgain
from tenants.models import Tenant
from tests.fleet.lives import DATA, data_of, done, living_bot, pay, visit, worked, write
from tests.fleet.world import World

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1/instances"
SECRET = "sk-of-nobody"


@pytest.fixture
def bot(tenant: Tenant, node: Node, plan: Plan, world: World) -> Instance:
    return living_bot(tenant, node, plan)


def change(bot: Instance, removed: tuple[str, ...] = (), **values: str) -> Operation:
    operation = services.variables_change(
        instance=bot, values=values, removed=removed, cause="test"
    )
    assert operation
    return operation


def environment(world: World, bot: Instance) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in world.inspected(bot)["Config"]["Env"])


def test_changed_variables_reach_the_bot_and_its_data_stay(bot: Instance, world: World) -> None:
    write(world, bot, DATA)

    done(change(bot, API_KEY=SECRET, MODEL="small"))
    done(change(bot, removed=("API_KEY",), MODEL="large"))

    given = environment(world, bot)
    assert given["MODEL"] == "large"
    assert "API_KEY" not in given
    assert given["WOPR_PLATFORM_TOKEN"] == bot.platform_token
    assert visit(bot).json()["name"] == "wopr"
    assert data_of(world, bot) == DATA
    assert [(v.name, v.value, v.proven) for v in Variable.objects.all()] == [
        ("MODEL", "large", "large")
    ]


def test_a_bot_that_is_not_healthy_with_them_gets_the_earlier_ones_back(
    bot: Instance, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(change(bot, MODEL="small", KEPT="yes"))
    monkeypatch.setattr(WaitHealthyAgain, "deadline", -1.0)
    monkeypatch.setattr(WaitHealthyAgain, "patience", 0.0)
    monkeypatch.setattr(WaitHealthyAgain, "observe", lambda *_: None)

    operation = worked(change(bot, removed=("KEPT",), MODEL="broken", ADDED="yes"))

    assert operation.state == Operation.State.FAILED
    assert not operation.leaks.exists()
    given = environment(world, bot)
    assert (given["MODEL"], given["KEPT"]) == ("small", "yes")
    assert "ADDED" not in given
    assert visit(bot).json()["name"] == "wopr"
    assert sorted(Variable.objects.values_list("name", flat=True)) == ["KEPT", "MODEL"]


def test_a_stopped_bot_gets_them_when_it_is_started(bot: Instance, world: World) -> None:
    done(services.instance_stop(instance=bot, cause="test"))

    assert (
        services.variables_change(instance=bot, values={"MODEL": "large"}, removed=(), cause="test")
        is None
    )
    assert "MODEL" not in environment(world, bot)
    done(services.instance_start(instance=bot, cause="test"))

    assert environment(world, bot)["MODEL"] == "large"


@pytest.fixture
def paid(instance: Instance, plan: Plan) -> Instance:
    pay(instance.tenant, plan)
    Instance.objects.update(status="running")
    return instance


def test_a_value_is_never_shown_and_never_stored_in_the_clear(
    api: APIClient, paid: Instance
) -> None:
    answer = api.patch(f"{API}/{paid.pk}/variables", {"values": {"API_KEY": SECRET}})

    assert (answer.status_code, answer.json()["operation"]["kind"]) == (202, "reconfigure")
    shown = api.get(f"{API}/{paid.pk}/variables")
    [variable] = shown.json()
    assert (variable["name"], variable["applied"]) == ("API_KEY", False)
    with connection.cursor() as cursor:
        cursor.execute("SELECT value, (SELECT parameters::text FROM fleet_operation) "
                       "FROM fleet_variable")  # fmt: skip
        stored = " ".join(cursor.fetchone())
    everywhere = [
        answer.content.decode(),
        shown.content.decode(),
        stored,
        api.get(f"{API}/{paid.pk}").content.decode(),
        api.get(f"/api/v1/tenants/{paid.tenant_id}/operations").content.decode(),
    ]
    assert not any(SECRET in text for text in everywhere)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"WOPR_PLATFORM_TOKEN": "x"}, "platform's own"),
        ({"HOME": "/tmp"}, "platform's own"),
        ({"PATH": "/evil"}, "platform's own"),
        ({"LD_PRELOAD": "/x.so"}, "platform's own"),
        ({"lower": "x"}, "capital letters"),
        ({"A=B": "x"}, "capital letters"),
        ({"NAME\n": "x"}, "capital letters"),
        ({"NAME": ""}, "1 to 8192"),
        ({"NAME": "x" * 8193}, "1 to 8192"),
    ],
)
def test_a_name_or_value_that_cannot_be_is_refused(
    api: APIClient, paid: Instance, values: dict[str, str], word: str
) -> None:
    answer = api.patch(f"{API}/{paid.pk}/variables", {"values": values})

    assert (answer.status_code, answer.json()["code"]) == (400, "variable_invalid")
    assert word in answer.json()["message"]
    assert not Variable.objects.exists()
    assert not Operation.objects.exists()


def test_there_is_a_bound_to_their_number(api: APIClient, paid: Instance) -> None:
    many = {f"NAME_{number}": "x" for number in range(65)}

    answer = api.patch(f"{API}/{paid.pk}/variables", {"values": many})

    assert answer.json()["code"] == "too_many_variables"
    assert not Variable.objects.exists()


@pytest.mark.parametrize("body", [{}, {"values": {}, "removed": []}, {"values": ["A"]}])
def test_a_change_of_nothing_is_refused(api: APIClient, paid: Instance, body: Any) -> None:
    assert api.patch(f"{API}/{paid.pk}/variables", body).status_code == 400


def test_they_do_not_change_under_a_running_operation(api: APIClient, paid: Instance) -> None:
    api.post(f"{API}/{paid.pk}/stop")

    answer = api.patch(f"{API}/{paid.pk}/variables", {"values": {"MODEL": "large"}})

    assert (answer.status_code, answer.json()["code"]) == (409, "operation_live")
    assert not Variable.objects.exists()
