"""The edge's table is made from the rows, pushed whole and only when it differs."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from fleet import edge
from fleet.models import Instance, Route
from fleet.tasks import edge_reconcile
from tests.fleet.world import SUBTREE, World

pytestmark = pytest.mark.django_db(transaction=True)
FOREIGN = {"@id": "somebody-else", "match": [{"host": ["x.example"]}], "handle": []}


def route(instance: Instance, name: str, port: int = 20000) -> Route:
    hostname = f"{name}.bots.localhost"
    return Route.objects.create(hostname=hostname, instance=instance, upstream=f"127.0.0.1:{port}")


def test_the_table_holds_each_name_once(instance: Instance, world: World) -> None:
    route(instance, "b", 20001)
    route(instance, "a", 20002)

    edge.publish()

    assert world.table() == [
        ("a.bots.localhost", "127.0.0.1:20002"),
        ("b.bots.localhost", "127.0.0.1:20001"),
    ]


def test_the_table_is_pushed_only_when_it_differs(instance: Instance, world: World) -> None:
    route(instance, "a")

    assert edge.publish() is True
    assert edge.publish() is False
    route(instance, "b")
    assert edge.publish() is True


def test_a_route_that_is_gone_from_the_rows_goes_from_the_table(
    instance: Instance, world: World
) -> None:
    gone = route(instance, "a")
    edge.publish()
    assert edge.mentions(gone.hostname)
    assert edge.is_published(gone.hostname, gone.upstream)

    gone.delete()
    edge.publish()

    assert not edge.mentions(gone.hostname)
    assert world.table() == []


def test_a_name_at_another_address_does_not_count_as_published(
    instance: Instance, world: World
) -> None:
    route(instance, "a", 20001)
    edge.publish()

    assert not edge.is_published("a.bots.localhost", "127.0.0.1:20002")


def test_what_others_configured_stays_as_it_was(instance: Instance, world: World) -> None:
    routes = f"/config/apps/http/servers/{os.environ['CADDY_SERVER']}/routes"
    world.caddy.put(f"{routes}/0", json=FOREIGN).raise_for_status()
    before = world.caddy.get("/config/").json()
    try:
        route(instance, "a")
        edge.publish()
        Route.objects.all().delete()
        edge.publish()
        world.caddy.delete(f"/id/{SUBTREE}")

        assert world.caddy.get("/config/").json() == before
    finally:
        world.caddy.delete("/id/somebody-else").raise_for_status()


def test_somebodys_change_to_our_table_is_put_right(instance: Instance, world: World) -> None:
    route(instance, "a", 20001)
    edge.publish()
    mappings = f"/id/{SUBTREE}/handle/0/routes/0/handle/0/mappings"
    world.caddy.delete(f"{mappings}/0").raise_for_status()
    assert world.routes("a.bots.localhost") == []

    edge_reconcile()

    assert world.routes("a.bots.localhost") == ["127.0.0.1:20001"]


def test_publishing_at_once_makes_one_table_with_everything_in_it(
    instance: Instance, world: World
) -> None:
    def add(number: int) -> None:
        try:
            route(instance, f"bot{number}", 20000 + number)
            edge.publish()
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=12) as threads:
        list(threads.map(add, range(12)))

    routes = world.caddy.get(f"/config/apps/http/servers/{os.environ['CADDY_SERVER']}/routes")
    assert [r.get("@id") for r in routes.json()].count(SUBTREE) == 1
    assert len(world.table()) == 12


def test_a_caddy_that_lost_its_routes_gets_them_back(instance: Instance, world: World) -> None:
    one = route(instance, "a")
    edge_reconcile()
    world.caddy.delete(f"/id/{SUBTREE}").raise_for_status()
    assert not edge.mentions(one.hostname)

    edge_reconcile()

    assert edge.is_published(one.hostname, one.upstream)
