"""Our Caddy adapter against a real Caddy: one subtree is ours, the rest is not touched."""

import os
from typing import Any

import pytest

from fleet.gateways.caddy import SUBTREE, Caddy, caddy
from tests.fleet.world import World
from wopr.common.errors import ProviderError

ROUTE = {
    "match": [{"host": ["a.bots.localhost"]}],
    "handle": [{"handler": "static_response", "body": "a"}],
}


def subtree(*routes: Any) -> dict[str, Any]:
    return {"@id": SUBTREE, "handle": [{"handler": "subroute", "routes": list(routes)}]}


@pytest.fixture
def adapter(world: World) -> Caddy:
    return caddy()


def test_a_subtree_that_was_never_put_there_reads_as_none(adapter: Caddy) -> None:
    assert adapter.read() is None


def test_what_was_written_is_read_back_as_it_was(adapter: Caddy) -> None:
    adapter.write(subtree(ROUTE))

    assert adapter.read() == subtree(ROUTE)


def test_it_is_put_before_the_servers_other_routes(adapter: Caddy, world: World) -> None:
    routes = f"/config/apps/http/servers/{os.environ['CADDY_SERVER']}/routes"
    before = world.caddy.get(routes).json()

    adapter.write(subtree(ROUTE))

    assert world.caddy.get(routes).json() == [subtree(ROUTE), *before]


def test_writing_again_replaces_and_never_adds(adapter: Caddy, world: World) -> None:
    routes = f"/config/apps/http/servers/{os.environ['CADDY_SERVER']}/routes"
    before = len(world.caddy.get(routes).json())

    adapter.write(subtree(ROUTE))
    adapter.write(subtree())

    assert adapter.read() == subtree()
    assert len(world.caddy.get(routes).json()) == before + 1


def test_what_caddy_refuses_is_an_error_and_changes_nothing(adapter: Caddy) -> None:
    adapter.write(subtree(ROUTE))

    with pytest.raises(ProviderError, match="Caddy answered 500 to PATCH"):
        adapter.write(subtree({"handle": [{"handler": "no-such-handler"}]}))

    assert adapter.read() == subtree(ROUTE)


def test_a_caddy_that_is_away_is_worth_another_try() -> None:
    away = Caddy(url="http://127.0.0.1:1", server="wopr")

    with pytest.raises(ProviderError, match="Caddy did not answer") as failure:
        away.read()

    assert not failure.value.permanent


def test_a_server_that_caddy_does_not_have_is_an_error_and_not_made(world: World) -> None:
    wrong = Caddy(url=os.environ["CADDY_ADMIN_URL"], server="no-such-server")
    before = world.caddy.get("/config/").json()

    with pytest.raises(ProviderError, match="Caddy"):
        wrong.write(subtree(ROUTE))

    assert world.caddy.get("/config/").json() == before
