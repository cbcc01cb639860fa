"""Cloudflare's own SDK against the sandbox: the calls that WOPR makes."""

from __future__ import annotations

from typing import Any

import cloudflare
import pytest

from sandbox.control import SandboxControl

pytestmark = pytest.mark.usefixtures("fresh")


@pytest.fixture
def zone(sdk_cloudflare: cloudflare.Cloudflare) -> str:
    (found,) = sdk_cloudflare.zones.list(name="bots.localhost")
    return found.id


def _create(client: cloudflare.Cloudflare, zone: str, name: str, content: str) -> Any:
    return client.dns.records.create(
        zone_id=zone,
        name=name,
        type="A",
        content=content,
        ttl=60,
        proxied=False,
        comment=f"wopr {name}",
        tags=["wopr:test"],
    )


def test_the_token_is_verified(sdk_cloudflare: cloudflare.Cloudflare) -> None:
    verified = sdk_cloudflare.user.tokens.verify()
    assert verified is not None
    assert verified.status == "active"


def test_zones_are_listed_and_read(sdk_cloudflare: cloudflare.Cloudflare, zone: str) -> None:
    assert {row.name for row in sdk_cloudflare.zones.list()} == {"bots.localhost", "example.com"}
    read = sdk_cloudflare.zones.get(zone_id=zone)
    assert read is not None
    assert read.status == "active"


def test_a_record_lives_from_create_to_delete(
    sdk_cloudflare: cloudflare.Cloudflare, zone: str
) -> None:
    records = sdk_cloudflare.dns.records
    made = _create(sdk_cloudflare, zone, "acme", "203.0.113.10")
    assert made.name == "acme.bots.localhost"
    edited = records.edit(
        made.id, zone_id=zone, name="acme", type="A", content="203.0.113.11", ttl=60
    )
    assert edited is not None
    assert (edited.content, edited.comment) == ("203.0.113.11", "wopr acme")
    replaced = records.update(
        made.id, zone_id=zone, name="acme", type="A", content="203.0.113.12", ttl=1
    )
    assert replaced is not None
    assert (replaced.id, replaced.comment) == (made.id, None)
    records.delete(made.id, zone_id=zone)
    with pytest.raises(cloudflare.NotFoundError) as gone:
        records.get(made.id, zone_id=zone)
    assert gone.value.errors[0].code == 81044


def test_the_sdk_pages_through_everything_and_filters(
    sdk_cloudflare: cloudflare.Cloudflare, zone: str
) -> None:
    for number in range(7):
        _create(sdk_cloudflare, zone, f"bot{number}", "203.0.113.10")
    records = sdk_cloudflare.dns.records
    assert len(list(records.list(zone_id=zone, per_page=3))) == 7
    named = records.list(zone_id=zone, name={"exact": "bot3.bots.localhost"}, type="A")
    assert [row.name for row in named] == ["bot3.bots.localhost"]
    commented = records.list(zone_id=zone, comment={"exact": "wopr bot4"})
    assert [row.name for row in commented] == ["bot4.bots.localhost"]
    assert len(list(records.list(zone_id=zone, tag={"exact": "wopr:test"}))) == 7


def test_errors_arrive_as_the_sdks_exceptions(
    sdk_cloudflare: cloudflare.Cloudflare,
    sdk_urls: dict[str, str],
    zone: str,
    fresh: SandboxControl,
) -> None:
    _create(sdk_cloudflare, zone, "acme", "203.0.113.10")
    with pytest.raises(cloudflare.BadRequestError) as identical:
        _create(sdk_cloudflare, zone, "acme", "203.0.113.10")
    assert identical.value.errors[0].code == 81058
    wrong = cloudflare.Cloudflare(api_token="wrong", base_url=sdk_urls["cloudflare"])
    with pytest.raises(cloudflare.PermissionDeniedError):
        wrong.dns.records.list(zone_id=zone)
    fresh.add_fault("cloudflare", "status", path="*/dns_records", status=429)
    with pytest.raises(cloudflare.RateLimitError):
        sdk_cloudflare.dns.records.list(zone_id=zone)
    fresh.add_fault("cloudflare", "drop", path="*/dns_records", when="after")
    with pytest.raises(cloudflare.APIConnectionError):
        _create(sdk_cloudflare, zone, "beta", "203.0.113.10")
    names = {row.name for row in sdk_cloudflare.dns.records.list(zone_id=zone)}
    assert names == {"acme.bots.localhost", "beta.bots.localhost"}
