"""A tenant chooses where its bots live; they are placed there, or not at all."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client

from billing.models import Entitlement, Plan
from fleet import convergence, nodes
from fleet.models import Instance, Node, Server
from tenants.models import Tenant, User
from tests.conftest import signed_in
from wopr.common.errors import ProviderError, Refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def offered(settings: LazySettings) -> None:
    settings.WOPR_REGIONS = {"europe": "fsn1|fra1", "north-america": "nyc3"}


@pytest.fixture
def europe(db: None) -> Node:
    """In Europe, with less room than the machine in America."""
    return machine("europe", "fra1", memory_mb=2048)


@pytest.fixture
def america(db: None) -> Node:
    return machine("america", "nyc3", memory_mb=65536)


def machine(name: str, region: str, memory_mb: int) -> Node:
    return Node.objects.create(
        name=name, region=region, memory_mb=memory_mb, engine_url="unix:///x", address="127.0.0.1"
    )


def entitle(tenant: Tenant, plan: Plan) -> None:
    Entitlement.objects.create(tenant=tenant, plan=plan, status="active", bots=1, **plan.limits)


def choose(person: User, tenant: Tenant, region: str) -> Any:
    return signed_in(person).put(f"/api/v1/tenants/{tenant.pk}/region", {"region": region})


def test_a_tenant_sees_what_is_offered_and_chooses(alice: User, tenant: Tenant) -> None:
    offered = [
        {"code": "europe", "title": "Europe"},
        {"code": "north-america", "title": "North America"},
    ]
    shown = signed_in(alice).get(f"/api/v1/tenants/{tenant.pk}/region").json()
    assert shown == {"region": "", "offered": offered}

    assert choose(alice, tenant, "europe").json() == {"region": "europe", "offered": offered}
    assert choose(alice, tenant, "").json()["region"] == ""


def test_only_who_may_buy_chooses(bob: User, charlie: User, tenant: Tenant) -> None:
    assert choose(bob, tenant, "europe").status_code == 403
    assert choose(charlie, tenant, "europe").status_code == 404
    assert Client().get(f"/api/v1/tenants/{tenant.pk}/region").status_code in {401, 403}


def test_an_unknown_region_is_refused_with_those_that_there_are(
    alice: User, tenant: Tenant
) -> None:
    answer = choose(alice, tenant, "atlantis")

    assert answer.status_code == 400
    assert "europe, north-america" in str(answer.json())


def test_a_bot_is_placed_where_its_tenant_wants_it(
    alice: User, tenant: Tenant, plan: Plan, europe: Node, america: Node
) -> None:
    choose(alice, tenant, "europe")
    entitle(tenant, plan)

    convergence.tenant_converge(tenant_id=tenant.pk)

    assert Instance.objects.get().node == europe


def test_without_a_choice_a_bot_is_placed_where_there_is_most_room(
    tenant: Tenant, plan: Plan, europe: Node, america: Node
) -> None:
    entitle(tenant, plan)

    convergence.tenant_converge(tenant_id=tenant.pk)

    assert Instance.objects.get().node == america


def test_a_bot_never_leaves_its_region_for_want_of_room(
    alice: User, tenant: Tenant, plan: Plan, europe: Node, america: Node
) -> None:
    choose(alice, tenant, "europe")
    entitle(tenant, plan)
    convergence.tenant_converge(tenant_id=tenant.pk)
    bot = Instance.objects.get()
    Instance.objects.update(status=Instance.Status.RUNNING)

    with pytest.raises((ProviderError, Refused), match="europe"):
        nodes.instance_move(instance=bot, target=None, cause="test")


def test_a_region_that_is_offered_no_more_is_not_left_for_another(
    alice: User, tenant: Tenant, plan: Plan, america: Node, settings: LazySettings
) -> None:
    choose(alice, tenant, "europe")
    settings.WOPR_REGIONS = {"north-america": "nyc3"}
    entitle(tenant, plan)

    convergence.tenant_converge(tenant_id=tenant.pk)

    assert not Instance.objects.exists()


def test_nodes_from_before_they_had_a_region_are_where_their_servers_are(europe: Node) -> None:
    Node.objects.update(region="")
    Server.objects.create(
        provider="hetzner", region="fsn1", size="cx22", node=europe, memory_mb=4096, cpus=2,
        disk_gb=40, hourly=1, monthly=1, currency="eur",
    )  # fmt: skip
    import_module("fleet.migrations.0017_where_servers_are").tell(apps, None)
    europe.refresh_from_db()
    assert europe.region == "fsn1"


def test_a_node_that_is_added_again_stays_where_it_was(europe: Node) -> None:
    added = ("node_add", "--name", "europe", "--engine", "unix:///x", "--memory-mb", "4096")
    call_command(*added)
    europe.refresh_from_db()
    assert (europe.memory_mb, europe.region) == (4096, "fra1")
    call_command(*added, "--region", "nyc3")
    europe.refresh_from_db()
    assert europe.region == "nyc3"
