"""Our Cloudflare adapter against the API: what it returns, and how it blames."""

from typing import Any

import pytest
from django.conf import settings

from dns.gateways import cloudflare
from dns.gateways.base import WantedRecord
from dns.gateways.cloudflare import Cloudflare
from tests.fleet.world import World
from wopr.common.correlation import correlation
from wopr.common.errors import ProviderError

NAME = "alice-co.bots.localhost"
A = WantedRecord(name=NAME, type="A", content="203.0.113.10", ttl=60, comment="ours")


@pytest.fixture
def adapter(world: World) -> Cloudflare:
    return cloudflare.provider()


@pytest.fixture
def zone() -> str:
    return str(settings.CLOUDFLARE_ZONE)


def test_what_was_created_is_found_as_it_was_sent(adapter: Cloudflare, zone: str) -> None:
    made = adapter.create(zone, A)

    assert adapter.find(zone, name=NAME) == [made]
    assert (made.name, made.type, made.content) == (A.name, A.type, A.content)
    assert (made.ttl, made.comment, made.proxied) == (60, "ours", False)


def test_other_names_are_not_found(adapter: Cloudflare, zone: str) -> None:
    adapter.create(zone, A)

    assert adapter.find(zone, name=f"x.{NAME}") == []


def test_an_update_keeps_the_id_and_takes_the_proxy_off(
    adapter: Cloudflare, zone: str, world: World
) -> None:
    made = adapter.create(zone, A)
    world.record_change(made.id, proxied=True)

    changed = adapter.update(zone, made.id, A)

    assert (changed.id, changed.proxied, changed.ttl) == (made.id, False, 60)


def test_a_deleted_record_is_gone_and_may_be_deleted_again(adapter: Cloudflare, zone: str) -> None:
    made = adapter.create(zone, A)

    adapter.delete(zone, made.id)
    adapter.delete(zone, made.id)

    assert adapter.find(zone, name=NAME) == []


def test_all_pages_are_read(adapter: Cloudflare, zone: str, world: World) -> None:
    for number in range(cloudflare.PAGE_SIZE + 5):
        world.record_add(name=NAME, type="TXT", content=f'"{number}"')

    found = adapter.find(zone, name=NAME)

    assert len({record.id for record in found}) == cloudflare.PAGE_SIZE + 5


def test_what_cloudflare_refuses_is_permanent_and_says_why(adapter: Cloudflare, zone: str) -> None:
    wrong = WantedRecord(name=NAME, type="A", content="not an address", ttl=60, comment="ours")

    with pytest.raises(ProviderError, match="valid IPv4 address") as refusal:
        adapter.create(zone, wrong)

    assert refusal.value.permanent


def test_a_record_that_an_earlier_request_made_meanwhile_is_worth_another_look(
    adapter: Cloudflare, zone: str
) -> None:
    adapter.create(zone, A)

    with pytest.raises(ProviderError, match="81058") as refusal:
        adapter.create(zone, A)

    assert not refusal.value.permanent


def test_a_zone_that_the_token_does_not_reach_is_named(adapter: Cloudflare) -> None:
    with pytest.raises(ProviderError, match=r"no zone elsewhere\.example for") as refusal:
        adapter.find("elsewhere.example", name="x.elsewhere.example")

    assert refusal.value.permanent


def test_a_wrong_token_is_permanent_and_not_repeated_in_the_message(
    world: World, zone: str
) -> None:
    stranger = Cloudflare(url=f"{settings.CLOUDFLARE_API_URL}/", token="not-the-token")

    with pytest.raises(ProviderError, match="Cloudflare refused GET zones") as refusal:
        stranger.find(zone, name=NAME)

    assert refusal.value.permanent
    assert "not-the-token" not in str(refusal.value)


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "429": ({"kind": "status", "status": 429, "retry_after": 9}, "answered 429"),
    "500": ({"kind": "status", "status": 500}, "answered 500"),
    "drop": ({"kind": "drop"}, "did not answer"),
    "slow": ({"kind": "timeout_after", "seconds": 0.3}, "did not answer"),
}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("mishap", FAULTS)
def test_what_may_pass_is_not_permanent(
    adapter: Cloudflare, zone: str, world: World, method: str, mishap: str
) -> None:
    fault, said = FAULTS[mishap]
    made = adapter.create(zone, A)
    calls = {
        "GET": lambda: adapter.find(zone, name=NAME),
        "POST": lambda: adapter.create(zone, A),
        "PUT": lambda: adapter.update(zone, made.id, A),
        "DELETE": lambda: adapter.delete(zone, made.id),
    }
    world.vendors.add_fault("cloudflare", method=method, path="*/dns_records*", **fault)

    with pytest.raises(ProviderError, match=f"Cloudflare {said}") as failure:
        calls[method]()

    assert not failure.value.permanent
    assert failure.value.retry_after == fault.get("retry_after")


def test_calls_carry_the_correlation_id(adapter: Cloudflare, zone: str, world: World) -> None:
    with correlation("evt-contract-1"):
        adapter.create(zone, A)

    [seen] = world.vendors.requests("cloudflare", path="*/dns_records", method="POST")[-1:]
    assert seen["correlation_id"] == "evt-contract-1"
