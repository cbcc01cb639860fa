"""Another name for a bot: the new one is seen to work before the old one goes."""

import pytest
from rest_framework.test import APIClient

from billing.models import Plan
from fleet import convergence, services
from fleet.models import Instance, Node, Operation, Route
from fleet.operations.steps.renaming import RemoveOldRoute
from tenants.models import Tenant
from tests.fleet.lives import done, living_bot, pay, visit, worked
from tests.fleet.world import World
from wopr.common.errors import ProviderError, Refused

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api/v1/instances"


@pytest.fixture
def bot(tenant: Tenant, node: Node, plan: Plan, world: World) -> Instance:
    return living_bot(tenant, node, plan)


def test_a_renamed_bot_is_reached_by_the_new_name_and_not_by_the_old(
    bot: Instance, world: World
) -> None:
    old = bot.hostname

    done(services.instance_rename(instance=bot, slug="helper", cause="test"))

    bot.refresh_from_db()
    assert bot.slug == "helper"
    assert visit(bot).json()["name"] == "wopr"
    assert world.routes(bot.hostname) == [bot.upstream]
    assert len(world.records(bot.hostname)) == 1
    assert world.routes(old) == world.records(old) == []
    assert not Route.objects.filter(hostname=old).exists()


def test_a_name_that_cannot_be_published_leaves_the_bot_under_its_old_one(
    bot: Instance, world: World
) -> None:
    old = bot.hostname
    new = old.replace("alice-co", "helper")
    world.record_add(name=new, type="A", content="198.51.100.7", ttl=60)

    operation = worked(services.instance_rename(instance=bot, slug="helper", cause="test"))

    bot.refresh_from_db()
    assert "already has a A record that WOPR did not make" in operation.error
    assert bot.slug == "alice-co"
    assert visit(bot).json()["name"] == "wopr"
    assert world.routes(new) == []
    assert len(world.records(old)) == 1


def test_an_old_name_that_cannot_be_removed_is_the_bots_name_again(
    bot: Instance, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ProviderError("the edge refuses", permanent=True)

    monkeypatch.setattr(RemoveOldRoute, "act", refuse)

    operation = worked(services.instance_rename(instance=bot, slug="helper", cause="test"))

    bot.refresh_from_db()
    assert operation.error == "remove_old_route: the edge refuses"
    assert bot.slug == "alice-co"
    assert visit(bot).json()["name"] == "wopr"
    assert len(world.records(bot.hostname)) == 1
    assert world.records(bot.hostname.replace("alice-co", "helper")) == []
    assert world.routes(bot.hostname.replace("alice-co", "helper")) == []


@pytest.fixture
def paid(instance: Instance, plan: Plan) -> Instance:
    pay(instance.tenant, plan, bots=2)
    Instance.objects.update(status="running")
    return instance


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("charlie", "slug_taken"),
        ("theirs", "slug_taken"),
        ("admin", "slug_reserved"),
        ("a", "slug_malformed"),
        ("alice-co", "slug_unchanged"),
        ("a--b", "slug_malformed"),
    ],
)
def test_a_name_that_is_somebody_elses_or_no_name_is_refused(
    api: APIClient, paid: Instance, charlie: object, slug: str, code: str
) -> None:
    Instance.objects.create(
        tenant=Tenant.objects.get(slug="charlie"),
        slug="theirs",
        node=paid.node,
        image=paid.image,
        memory_mb=256,
        cpu_millis=500,
        pids=128,
        disk_gb=1,
        host_port=1,
    )

    answer = api.post(f"{API}/{paid.pk}/rename", {"slug": slug})

    assert (answer.json()["code"], list(answer.json()["fields"])) == (code, ["slug"])
    assert not Operation.objects.exists()
    paid.refresh_from_db()
    assert paid.slug == "alice-co"


def test_a_name_that_is_being_left_is_not_given_away_before_it_is_free(
    paid: Instance, charlie: object
) -> None:
    Route.objects.create(hostname=paid.hostname, instance=paid, upstream=paid.upstream)
    services.instance_rename(instance=paid, slug="helper", cause="test")
    other = Instance.objects.create(
        tenant=Tenant.objects.get(slug="charlie"),
        slug="other",
        node=paid.node,
        image=paid.image,
        status="running",
        memory_mb=256,
        cpu_millis=500,
        pids=128,
        disk_gb=1,
        host_port=1,
    )

    assert not convergence.taken_slugs(["alice-co"])
    with pytest.raises(Refused, match="taken"):
        services.instance_rename(instance=other, slug="alice-co", cause="test")


def test_a_tenant_whose_name_a_bot_of_others_has_gets_its_bot_under_another(
    paid: Instance, charlie: object, plan: Plan
) -> None:
    Instance.objects.filter(pk=paid.pk).update(slug="charlie")
    theirs = Tenant.objects.get(slug="charlie")
    pay(theirs, plan)

    convergence.tenant_converge(tenant_id=theirs.pk)

    assert theirs.instances.get().slug == "charlie--2"
