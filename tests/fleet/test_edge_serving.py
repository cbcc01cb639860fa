"""What people meet at the edge: their own bot, a page that says why not, and nothing of others."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet import edge
from fleet.models import Instance, Route
from fleet.tasks import edge_reconcile
from sandbox.stack.front_door import front_door
from sandbox.stack.slots import port_answers
from tests.fleet.edges import OpenStream, OwnEdge, edge_port, own_edge, route, upstream
from tests.fleet.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own(tmp_path: Path, settings: Any) -> Iterator[OwnEdge]:
    with own_edge(tmp_path, settings) as edge:
        yield edge


def get(hostname: str, path: str = "/", **options: Any) -> Any:
    with front_door(os.environ["WOPR_EDGE_CA_FILE"]) as browser:
        return browser.get(f"https://{hostname}:{edge_port()}{path}", **options)


def test_each_name_leads_to_its_own_bot_over_one_connection(
    instance: Instance, world: World
) -> None:
    with upstream("alice") as alice, upstream("bob") as bob:
        route(instance, "a", alice)
        route(instance, "b", bob)
        edge.publish()
        with front_door(os.environ["WOPR_EDGE_CA_FILE"]) as browser:
            address = f"https://a.bots.localhost:{edge_port()}/"
            # A browser that has a certificate for both names may reuse the connection for both.
            hosts = [f"{name}.bots.localhost:{edge_port()}" for name in "abbaab"]
            told = [browser.get(address, headers={"Host": host}).text for host in hosts]

    assert told == ["alice", "bob", "bob", "alice", "alice", "bob"]


def test_a_bots_answer_is_compressed_and_comes_with_the_platforms_headers(
    instance: Instance, world: World
) -> None:
    with upstream("alice") as address:
        route(instance, "a", address)
        edge.publish()
        headers = get("a.bots.localhost", "/long", headers={"Accept-Encoding": "gzip"}).headers

    assert headers["content-encoding"] == "gzip"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert not {"server", "via"} & set(headers)


def test_an_unknown_name_is_told_that_there_is_no_bot(instance: Instance, world: World) -> None:
    edge.publish()
    answer = get("nobody.bots.localhost")

    assert answer.status_code == 404
    assert "No bot here" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_suspended_bot_is_told_so_under_all_its_names(instance: Instance, world: World) -> None:
    route(instance, "a", "127.0.0.1:1", serves=Route.Serves.SUSPENDED_PAGE)
    route(instance, "also-a", "")
    edge.publish()

    for name in ("a", "also-a"):
        answer = get(f"{name}.bots.localhost")
        assert answer.status_code == 402
        assert "This bot is suspended" in answer.text
        assert edge.tells(f"{name}.bots.localhost", "suspended")


def test_another_name_of_a_bot_follows_its_own_and_ends_with_it(
    instance: Instance, world: World
) -> None:
    own = route(instance, "a", "127.0.0.1:20001")
    route(instance, "also-a", "")
    edge.publish()
    assert edge.is_published("also-a.bots.localhost", "127.0.0.1:20001")

    own.upstream = "127.0.0.1:20002"
    own.save()
    edge.publish()
    assert edge.is_published("also-a.bots.localhost", "127.0.0.1:20002")

    own.delete()
    edge.publish()
    assert not edge.mentions("also-a.bots.localhost")


def test_a_name_in_capitals_leads_to_the_same_bot(instance: Instance, world: World) -> None:
    with upstream("alice") as address:
        route(instance, "a", address)
        edge.publish()
        capitals = {"Host": f"A.Bots.localhost:{edge_port()}"}
        sent_on = get("a.bots.localhost", "/x?y=1", headers=capitals)

    assert sent_on.status_code == 308
    assert sent_on.headers["location"] == f"https://a.bots.localhost:{edge_port()}/x?y=1"


def test_a_websocket_stays_open_while_a_hundred_tenants_come_and_go(
    instance: Instance, world: World
) -> None:
    with upstream("alice") as address:
        route(instance, "alice", address)
        edge.publish()
        stream = OpenStream("alice.bots.localhost", edge_port(), os.environ["WOPR_EDGE_CA_FILE"])
        for number in range(100):
            comer = route(instance, f"comer{number}", f"127.0.0.1:{21000 + number}")
            assert edge.publish()
            assert stream.echoes(f"after {number} came")
            if number % 2:
                comer.delete()
                assert edge.publish()
                assert stream.echoes(f"after {number} went")
        stream.close()
    assert len(world.table()) == 51


def test_the_access_log_is_json_that_names_the_tenant_and_hides_queries(
    instance: Instance, own: OwnEdge
) -> None:
    with upstream("alice") as address:
        route(instance, "a", address)
        edge.publish()
        bearer = {"Authorization": "Bearer secret-word"}
        own.get("a.bots.localhost", "/asked?token=secret-word", headers=bearer)
        line = logged(own, "/asked")

    assert line["tenant_id"] == str(instance.tenant_id)
    assert line["status"] == 200
    assert line["request"]["host"] == f"a.bots.localhost:{own.ports.https_port}"
    assert "secret-word" not in own.log


def test_a_suspended_tenants_requests_are_logged_with_the_tenant_too(
    instance: Instance, own: OwnEdge
) -> None:
    route(instance, "a", "127.0.0.1:1", serves=Route.Serves.SUSPENDED_PAGE)
    edge.publish()
    own.get("a.bots.localhost", "/asked")

    assert logged(own, "/asked")["tenant_id"] == str(instance.tenant_id)


def logged(own: OwnEdge, path: str) -> Any:
    """The line about the request of that path; Caddy writes it after the answer has left."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for line in own.log.splitlines():
            if line.startswith("{") and f'"uri":"{path}' in line:
                return json.loads(line)
        time.sleep(0.05)
    raise AssertionError(f"{path} is not in the access log:\n{own.log}")


def test_a_caddy_that_was_restarted_serves_tenants_at_once_without_the_control_plane(
    instance: Instance, own: OwnEdge
) -> None:
    with upstream("alice") as address:
        route(instance, "a", address)
        edge.publish()
        assert not port_answers(own.ports.web_port), "no web process is meant to run here"
        assert own.get("a.bots.localhost").text == "alice"

        own.restart()

        assert own.get("a.bots.localhost").text == "alice"
        assert edge.publish() is False


def test_a_caddy_that_starts_from_its_file_asks_for_patience_until_it_has_its_routes(
    instance: Instance, own: OwnEdge
) -> None:
    one = route(instance, "a", "127.0.0.1:20001")
    answer = own.get("a.bots.localhost")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

    edge_reconcile()

    assert edge.is_published(one.hostname, one.upstream)
